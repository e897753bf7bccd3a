/** `orko-vmm probe SOCKET`: what a vhost-user back-end is, without a guest. */
import type { Target } from '../probe/target.ts';
import { defineCommand } from './command.ts';
import { EXIT } from './exit-codes.ts';
import { print, say } from './output.ts';
import { UsageError } from './usage-error.ts';

const TIMEOUT_S_DEFAULT = '5';
const TIMEOUT_S_MAX = 600;

export const probeCommand = defineCommand({
  name: 'probe',
  summary: 'Say what a vhost-user back-end is',
  description: [
    'Connects to a vhost-user back-end as a VM would, asks what it is, and starts nothing: features and protocol features by name, queues, the config space by its fields, what orko-vmm would offer a guest of it, and what is wrong with it.',
    'The protocol has no word for the type of a device. It is guessed from what is offered, or said with --type.',
    'The exit code is 0 when orko-vmm can use the back-end, 20 when not, and 69 when it cannot be reached.',
  ].join(' '),
  positionals: {
    socket: { describe: 'Where the back-end listens; left out with --command', optional: true },
  },
  options: {
    command: {
      type: 'string',
      placeholder: 'WORDS',
      describe:
        'Start the back-end: a program and its arguments, with blanks between them; {socket} becomes the path at which it has to listen',
    },
    type: { type: 'string', placeholder: 'TYPE', describe: 'The type of the device, as in the config: blk, fs, net …' },
    'timeout-s': {
      type: 'string',
      placeholder: 'SECONDS',
      describe: `How long to wait for each answer (${TIMEOUT_S_DEFAULT})`,
    },
    json: { type: 'boolean', describe: 'Print JSON' },
  },
  examples: [
    { line: 'orko-vmm probe /run/disk.sock', what: 'Look at a back-end that listens there' },
    { line: "orko-vmm probe --command 'vhost-device-rng --socket-path {socket}' --type rng", what: 'Start one for it' },
  ],
  async run({ socket, command, type, timeoutS = TIMEOUT_S_DEFAULT, json, quiet }) {
    const [{ inspect }, { findingsOf }, { probeJson, probeLines }] = await Promise.all([
      import('../probe/inspect.ts'),
      import('../probe/findings.ts'),
      import('./probe-lines.ts'),
    ]);
    const timeoutMs = 1000 * secondsOf(timeoutS);
    const wanted = await typeOf(type);
    using target = await targetOf(socket, command, quiet);
    const facts = inspect(target, timeoutMs, wanted);
    const findings = findingsOf(facts);
    print(json ? `${JSON.stringify(probeJson(facts, findings), undefined, 2)}\n` : probeLines(facts, findings));
    return findings.some(({ severity }) => severity === 'error') ? EXIT.BACK_END : EXIT.OK;
  },
});

async function targetOf(socket: string | undefined, command: string | undefined, quiet: boolean): Promise<Target> {
  const { listeningTarget, startedTarget } = await import('../probe/target.ts');
  if ((socket === undefined) === (command === undefined)) {
    throw new UsageError('Name the socket of a back-end, or --command to start one', 'probe');
  }
  if (socket !== undefined) return listeningTarget(socket);
  const words = command!.split(/\s+/).filter((word) => word !== '');
  if (words.length === 0) throw new UsageError('--command is empty: name a program', 'probe');
  return startedTarget(words, quiet ? () => {} : (line) => say(line));
}

async function typeOf(type: string | undefined) {
  const { PROBED_TYPES } = await import('../probe/types.ts');
  const known = PROBED_TYPES.find((name) => name === type);
  if (type === undefined || known) return known;
  throw new UsageError(`There is no type ${type}: choose one of ${PROBED_TYPES.join(', ')}`, 'probe');
}

function secondsOf(text: string): number {
  const seconds = Number(text);
  if (seconds > 0 && seconds <= TIMEOUT_S_MAX) return seconds;
  throw new UsageError(`--timeout-s ${text} is none: write seconds, at most ${TIMEOUT_S_MAX}`, 'probe');
}
