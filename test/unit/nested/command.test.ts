/** src/nested/command.ts: programs that fail, in words. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { command } from '../../../src/nested/command.ts';

const shell = (script: string) => command('build it', 'sh', ['-c', script]);

test('command: gives stdout, and takes input', async () => {
  expect(await command('copy', 'cat', [], { input: 'text' })).toBe('text');
});

test('command: gives lines as they come', async () => {
  const lines: string[] = [];
  await command('count', 'sh', ['-c', 'echo one; printf tw; sleep 0.1; echo o'], {
    onLine: (line) => lines.push(line),
  });
  expect(lines).toEqual(['one', 'two']);
});

test('command: what the program has started ends too when a signal ends us', async () => {
  const file = join(import.meta.dirname, '../../../src/nested/command.ts');
  const script = `import { command } from ${JSON.stringify(file)};
    await command('wait', 'sh', ['-c', 'sleep 4322 & echo $!; wait'], { onLine: (line) => console.log(line) });`;
  const owner = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(owner.stdout, 'data')) as [Buffer];
  owner.kill('SIGTERM');
  const [, signal] = (await once(owner, 'close')) as [number | null, string];
  expect(signal).toBe('SIGTERM');
  await expect.poll(() => isRunning(Number(line))).toBe(false);
});

function isRunning(pid: number): boolean {
  try {
    // A zombie whom nobody waits for runs no more.
    return !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

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
