/** `orko-vmm run CONFIG`: boots the VM and stays with it until it ends. */
import type { MachineStats } from '../control/protocol.ts';
import type { MachineEnding } from '../machine/lifecycle.ts';
import { defineCommand } from './command.ts';
import { EXIT } from './exit-codes.ts';
import {
  CONFIG_OPTIONS,
  CONFIG_POSITIONAL,
  loadConfig,
  PRINT_CONFIG_OPTION,
  printConfigFile,
  withConfig,
} from './load-config.ts';
import { say } from './output.ts';
import { UsageError } from './usage-error.ts';

/** A day. */
const STATS_SECONDS_MAX = 86_400;

export const runCommand = defineCommand({
  name: 'run',
  summary: 'Boot the VM of a config file',
  description: [
    'Boots the VM that the config describes, and ends when the VM does, with an exit code that says how.',
    'SIGTERM and SIGINT press its power key; a second one, or `stop-timeout-s` without effect, stops it hard.',
  ].join(' '),
  positionals: CONFIG_POSITIONAL,
  options: {
    ...CONFIG_OPTIONS,
    ...PRINT_CONFIG_OPTION,
    stats: {
      type: 'string',
      implied: '0',
      placeholder: 'SECONDS',
      describe:
        'Print what the vCPUs and the queues of the devices have counted on standard error, a JSON object a line: at the end, and every so many seconds',
    },
  },
  examples: [
    { line: 'orko-vmm run board.yaml', what: 'Boot, with the console on this terminal' },
    { line: 'orko-vmm run board.yaml --set cpus=4 --set memory=2G', what: 'The same with more CPUs and memory' },
    {
      line: 'orko-vmm run board.yaml --set console=unix:/run/board.sock -q',
      what: 'With the console on a Unix socket',
    },
    { line: 'orko-vmm run board.yaml --print-config', what: 'Show what would be booted, every default written out' },
  ],
  async run({ config, set, printConfig, stats, quiet, verbose }) {
    if (printConfig) {
      await printConfigFile(config, set);
      return EXIT.OK;
    }
    const statistics = stats === undefined ? undefined : statisticsEvery(stats);
    const vm = await loadConfig(config, set);
    return withConfig(vm, async () => {
      const { HeadStart } = await import('../machine/head-start.ts');
      using start = new HeadStart(vm);
      const { runSession } = await import('../machine/session.ts');
      const ending = await runSession(vm, start, {
        say: quiet ? () => {} : (line) => say(`orko-vmm: ${line}`),
        verbose,
        statistics,
        exitCodes: ENDINGS,
      });
      if (ending.kind === 'failed') say(`orko-vmm: ${vm.name}: ${ending.message}`);
      return ENDINGS[ending.kind];
    });
  },
});

function statisticsEvery(seconds: string) {
  const everyS = Number(seconds);
  if (!(everyS >= 0 && everyS <= STATS_SECONDS_MAX)) {
    throw new UsageError(`--stats takes seconds from 0 to ${STATS_SECONDS_MAX}, not "${seconds}"`, 'run');
  }
  return { everyS, say: (stats: MachineStats) => say(JSON.stringify(stats)) };
}

const ENDINGS: Readonly<Record<MachineEnding['kind'], number>> = {
  shutdown: EXIT.OK,
  panic: EXIT.GUEST_PANIC,
  'guest-crash': EXIT.GUEST_CRASH,
  failed: EXIT.GUEST_CRASH,
  reset: EXIT.GUEST_RESET,
  stopped: EXIT.STOPPED,
};
