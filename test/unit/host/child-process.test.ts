import { expect, test } from 'vitest';
import { HostError } from '../../../src/base/errors.ts';
import { ChildProcess } from '../../../src/host/child-process.ts';
import { waitFor } from '../../../src/host/poll.ts';
import { UnixSocket } from '../../../src/host/unix-socket.ts';

async function outputOf(script: string, fds: UnixSocket[] = []) {
  using child = await ChildProcess.start({ command: 'sh', arguments: ['-c', script], fds, remedy: 'install sh' });
  const lines: string[] = [];
  for (let taken = child.take(); ; taken = child.take()) {
    lines.push(...taken.lines);
    if (taken.end !== undefined) return { lines, end: taken.end };
    waitFor(child.fd, 'readable', 10_000);
  }
}

test('take: lines of its standard error output, then how it ended', async () => {
  const { lines, end } = await outputOf('echo one >&2; echo two >&2; printf three >&2; exit 3');
  expect(lines).toEqual(['one', 'two', 'three']);
  expect(end).toMatch(/^sh has ended( with exit code 3)?$/);
});

test('start: the file descriptors are 3, 4 … there', async () => {
  const [ours, theirs] = UnixSocket.pair();
  await outputOf('echo hello >&3', [theirs]);
  theirs[Symbol.dispose]();
  expect(new TextDecoder().decode(ours.receiveExactly(6, 0).bytes)).toBe('hello\n');
  ours[Symbol.dispose]();
});

test('start: a program that is not installed', async () => {
  const start = ChildProcess.start({ command: 'no-such-program', arguments: [], fds: [], remedy: 'install it' });
  await expect(start).rejects.toThrow(HostError);
  await expect(start).rejects.toThrow('Cannot start no-such-program: it is not installed: install it');
});
