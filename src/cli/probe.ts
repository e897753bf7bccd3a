/** `orko-vmm probe SOCKET`: what a vhost-user back-end is, without a guest. */
import { HostError } from '../base/errors.ts';
import type { Facts } from '../probe/inspect.ts';
import type { Target } from '../probe/target.ts';
import type { Verdict } from '../probe/verdict.ts';
import { PeerFault } from '../vhost-user/peer-fault.ts';
import { defineCommand } from './command.ts';
import { EXIT } from './exit-codes.ts';
import type { StateFiles } from './move-state.ts';
import { print, say } from './output.ts';
import { TIMEOUT_OPTION, timeoutMsOf } from './timeout-option.ts';
import { UsageError } from './usage-error.ts';

const LAST_WORDS_MS = 200;

export const probeCommand = defineCommand({
  name: 'probe',
  summary: 'Say what a vhost-user back-end is',
  description: [
    'Connects to a vhost-user back-end as a VM would, asks what it is, and starts nothing: features and protocol features by name, queues, the config space by its fields, what orko-vmm would offer a guest of it, and what is wrong with it.',
    'The protocol has no word for the type of a device. It is guessed from what is offered, or said with --type.',
    'With --check it is tried: its rings are started and stopped, requests are sent to it where that changes nothing, then messages and descriptor chains that are wrong. Each check has a verdict: `pass`, `FAIL`, `n/a` where the back-end does not offer what is checked, `skip` where it cannot be tried, with the reason. A back-end that ends with its connection has to be started by --command. Only try one whose device you can do without: it may die.',
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
    'timeout-s': TIMEOUT_OPTION,
    'load-state': {
      type: 'string',
      placeholder: 'FILE',
      describe: 'Put a state that was saved into the device, to see whether it takes it',
    },
    'save-state': {
      type: 'string',
      placeholder: 'FILE',
      describe: 'Write the state of the device into a new file; after --load-state, on the same connection',
    },
    check: {
      type: 'boolean',
      describe: 'Check it too: by rules of the specification, and by what it survives; one verdict for each',
    },
    json: { type: 'boolean', describe: 'Print JSON' },
  },
  examples: [
    { line: 'orko-vmm probe /run/disk.sock', what: 'Look at a back-end that listens there' },
    { line: 'orko-vmm probe /run/disk.sock --check --json', what: 'Check it, for a program' },
    { line: "orko-vmm probe --command 'vhost-device-rng --socket-path {socket}' --type rng", what: 'Start one for it' },
  ],
  async run({ socket, command, type, timeoutS, loadState, saveState, check, json, quiet }) {
    const [{ inspect }, { findingsOf }, { probeJson, probeLines }] = await Promise.all([
      import('../probe/inspect.ts'),
      import('../probe/findings.ts'),
      import('./probe-lines.ts'),
    ]);
    const timeoutMs = timeoutMsOf(timeoutS, 'probe');
    const wanted = await typeOf(type);
    using target = await targetOf(socket, command, quiet);
    const facts = asked(target, () => inspect(target, timeoutMs, wanted));
    const findings = findingsOf(facts);
    if (!json) print(probeLines(facts, findings));
    const state = await movedState(target, { loadState, saveState }, timeoutMs);
    if (!json) print(state.map((line) => `${line}\n`).join(''));
    const verdicts = check ? await checked(target, facts, timeoutMs, json) : undefined;
    if (json) print(`${JSON.stringify({ ...probeJson(facts, findings), state, verdicts }, undefined, 2)}\n`);
    const isBad =
      findings.some(({ severity }) => severity === 'error') || verdicts?.some(({ outcome }) => outcome === 'fail');
    return isBad ? EXIT.BACK_END : EXIT.OK;
  },
});

function asked<Result>(target: Target, ask: () => Result): Result {
  try {
    return ask();
  } catch (error) {
    if (!(error instanceof PeerFault)) throw error;
    // A program that we have started may say more of it.
    target.takeEnd(LAST_WORDS_MS);
    throw new HostError(`Cannot probe ${target.name}: ${error.message}`);
  }
}

async function movedState(target: Target, files: StateFiles, timeoutMs: number): Promise<readonly string[]> {
  if (files.loadState === undefined && files.saveState === undefined) return [];
  const { moveState } = await import('./move-state.ts');
  return asked(target, () => moveState(target, files, timeoutMs));
}

/** Each verdict is printed when it is there: a check may take as long as all its answers. */
async function checked(target: Target, facts: Facts, timeoutMs: number, json: boolean): Promise<readonly Verdict[]> {
  const [{ checkBackEnd }, { countsLine, verdictLine }] = await Promise.all([
    import('../probe/conformance.ts'),
    import('./probe-lines.ts'),
  ]);
  const tell = (verdict: Verdict) => print(verdictLine(verdict));
  const verdicts = checkBackEnd(target, facts, timeoutMs, json ? () => {} : tell);
  if (!json) print(countsLine(verdicts));
  return verdicts;
}

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
