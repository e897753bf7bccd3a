/** `orko-vmm vhost-log FILE`: a flight recording of a vhost-user device, to be read or to be played again. */
import { readFileSync } from 'node:fs';
import { ConfigError } from '../base/errors.ts';
import type { ReplayResult } from '../probe/replay.ts';
import type { Recording } from '../vhost-user/record.ts';
import { defineCommand } from './command.ts';
import { EXIT } from './exit-codes.ts';
import { print, say } from './output.ts';
import { TIMEOUT_OPTION, timeoutMsOf } from './timeout-option.ts';
import { UsageError } from './usage-error.ts';

export const vhostLogCommand = defineCommand({
  name: 'vhost-log',
  summary: 'Print what a device and its back-end said to each other',
  description: [
    'Prints a recording that `record` of a device has made: a line for each message between orko-vmm and the back-end, with its time, what it says, the file descriptors that came with it, and where in guest memory the rings lie.',
    'With --replay or --replay-backend it is played again without a VM, towards whoever is at SOCKET: with memory and eventfds of the same sizes, and as fast as the other end answers. Each message that differs is said. No driver makes requests then, so where rings stand (GET_VRING_BASE) is not compared, nor, towards a front-end, where memory lies. The exit code is 20 where something differs.',
  ].join(' '),
  positionals: { file: { describe: 'The recording' } },
  options: {
    replay: {
      type: 'string',
      placeholder: 'SOCKET',
      describe: 'Play the front-end (the VM) towards the back-end that listens at SOCKET, and compare its answers',
    },
    'replay-backend': {
      type: 'string',
      placeholder: 'SOCKET',
      describe: 'Play the back-end: listen at SOCKET, and answer the front-end that connects as it was answered',
    },
    'timeout-s': TIMEOUT_OPTION,
  },
  examples: [
    { line: 'orko-vmm vhost-log disk.vhost', what: 'Read it' },
    { line: 'orko-vmm vhost-log disk.vhost --replay /run/disk.sock', what: 'See whether a back-end still answers so' },
  ],
  async run({ file, replay, replayBackend, timeoutS, quiet }) {
    if (replay !== undefined && replayBackend !== undefined) {
      throw new UsageError('Only one end can be played: choose --replay or --replay-backend', 'vhost-log');
    }
    const recording = await readRecording(file);
    const timeoutMs = timeoutMsOf(timeoutS, 'vhost-log');
    if (replay !== undefined) {
      const [{ replayFrontEnd }, { listeningTarget }] = await Promise.all([
        import('../probe/replay-front-end.ts'),
        import('../probe/target.ts'),
      ]);
      using target = listeningTarget(replay);
      return report(replayFrontEnd(recording, target, timeoutMs), quiet);
    }
    if (replayBackend !== undefined) {
      const { replayBackEnd } = await import('../probe/replay-back-end.ts');
      return report(replayBackEnd(recording, replayBackend, timeoutMs), quiet);
    }
    const { recordingText } = await import('../vhost-user/record-text.ts');
    print(recordingText(recording));
    return EXIT.OK;
  },
});

function report({ messages, divergences }: ReplayResult, quiet: boolean): number {
  for (const divergence of divergences) print(`${divergence}\n`);
  const verdict = divergences.length === 0 ? 'all as recorded' : `${divergences.length} different`;
  if (!quiet) say(`${messages} messages, ${verdict}`);
  return divergences.length === 0 ? EXIT.OK : EXIT.BACK_END;
}

async function readRecording(file: string): Promise<Recording> {
  const { parseRecording } = await import('../vhost-user/record.ts');
  try {
    return parseRecording(readFileSync(file, 'utf8'), file);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError(`Cannot read the recording: ${(error as Error).message}`, { file });
  }
}
