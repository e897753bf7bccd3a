/** `orko-vmm vhost-log FILE`: a flight recording of a vhost-user device, to be read or to be played again. */
import { readFileSync } from 'node:fs';
import { ConfigError } from '../base/errors.ts';
import type { Recording } from '../vhost-user/record.ts';
import { defineCommand } from './command.ts';
import { EXIT } from './exit-codes.ts';
import { print } from './output.ts';

export const vhostLogCommand = defineCommand({
  name: 'vhost-log',
  summary: 'Print what a device and its back-end said to each other',
  description: [
    'Prints a recording that `record` of a device has made: a line for each message between orko-vmm and the back-end, with its time, what it says, the file descriptors that came with it, and where in guest memory the rings lie.',
  ].join(' '),
  positionals: { file: { describe: 'The recording' } },
  options: {},
  examples: [{ line: 'orko-vmm vhost-log disk.vhost', what: 'Read it' }],
  async run({ file }) {
    const { recordingText } = await import('../vhost-user/record-text.ts');
    print(recordingText(await readRecording(file)));
    return EXIT.OK;
  },
});

async function readRecording(file: string): Promise<Recording> {
  const { parseRecording } = await import('../vhost-user/record.ts');
  try {
    return parseRecording(readFileSync(file, 'utf8'), file);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError(`Cannot read the recording: ${(error as Error).message}`, { file });
  }
}
