/** src/nested/command.ts: programs that fail, in words. */
import { expect, test } from 'vitest';
import { command } from '../../../src/nested/command.ts';

const shell = (script: string) => command('build it', 'sh', ['-c', script]);

test('command: gives stdout, and takes input', async () => {
  expect(await command('copy', 'cat', [], { input: 'text' })).toBe('text');
});

test('command: a failure has the exit code and the last words', async () => {
  await expect(shell('echo went wrong >&2; exit 3')).rejects.toThrow(
    'Cannot build it: sh failed with exit code 3 (went wrong)',
  );
});

test('command: a program that is not there says how to get it', async () => {
  await expect(command('build it', 'no-such-program', [])).rejects.toThrow(
    'Cannot build it: no-such-program is not installed: run "make setup"',
  );
});

test('command: a download that was cut off says what to do', async () => {
  await expect(shell('echo "E: Failed to fetch x  Connection reset" >&2; exit 100')).rejects.toThrow(
    'check the network and run it again',
  );
});

test('command: a full disk is named', async () => {
  await expect(shell('echo "cp: No space left on device" >&2; exit 1')).rejects.toThrow(
    'Cannot build it: the disk is full: free some space or set XDG_CACHE_HOME',
  );
});
