/** `orko-vmm run CONFIG`: boots the VM and stays with it until it ends. */
import type { MachineEnding } from '../machine/machine.ts';
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

export const runCommand = defineCommand({
  name: 'run',
  summary: 'Boot the VM of a config file',
  description: [
    'Boots the VM that the config describes, and ends when the VM does, with an exit code that says how.',
    'SIGTERM and SIGINT press its power key; a second one, or `stop-timeout-s` without effect, stops it hard.',
  ].join(' '),
  positionals: CONFIG_POSITIONAL,
  options: { ...CONFIG_OPTIONS, ...PRINT_CONFIG_OPTION },
  examples: [
    { line: 'orko-vmm run board.yaml', what: 'Boot, with the console on this terminal' },
    { line: 'orko-vmm run board.yaml --set cpus=4 --set memory=2G', what: 'The same with more CPUs and memory' },
    {
      line: 'orko-vmm run board.yaml --set console=unix:/run/board.sock -q',
      what: 'With the console on a Unix socket',
    },
    { line: 'orko-vmm run board.yaml --print-config', what: 'Show what would be booted, every default written out' },
  ],
  async run({ config, set, printConfig, quiet, verbose }) {
    if (printConfig) {
      await printConfigFile(config, set);
      return EXIT.OK;
    }
    const vm = await loadConfig(config, set);
    const { runSession } = await import('../machine/session.ts');
    return withConfig(vm, async () => {
      const ending = await runSession(vm, {
        say: quiet ? () => {} : (line) => say(`orko-vmm: ${line}`),
        verbose,
        exitCodes: ENDINGS,
      });
      if (ending.kind === 'failed') say(`orko-vmm: ${vm.name}: ${ending.message}`);
      return ENDINGS[ending.kind];
    });
  },
});

const ENDINGS: Readonly<Record<MachineEnding['kind'], number>> = {
  shutdown: EXIT.OK,
  panic: EXIT.GUEST_PANIC,
  'guest-crash': EXIT.GUEST_CRASH,
  failed: EXIT.GUEST_CRASH,
  reset: EXIT.GUEST_RESET,
  stopped: EXIT.STOPPED,
};
