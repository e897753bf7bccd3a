import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { O_RDONLY, O_RDWR } from '../../../src/abi/libc.ts';
import { Fd } from '../../../src/host/fd.ts';
import { lockFile } from '../../../src/host/file-lock.ts';

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'orko-lock-'));
  path = join(directory, 'file');
  writeFileSync(path, 'x');
});
afterEach(() => rmSync(directory, { recursive: true }));

test('lockFile: one may write, or many may read', () => {
  using first = Fd.open(path, O_RDWR);
  using second = Fd.open(path, O_RDONLY);
  using third = Fd.open(path, O_RDWR);
  expect(lockFile(first, 'shared')).toBe('locked');
  expect(lockFile(second, 'shared')).toBe('locked');
  expect(lockFile(third, 'exclusive')).toBe('taken');
  first[Symbol.dispose]();
  second[Symbol.dispose]();
  expect(lockFile(third, 'exclusive')).toBe('locked');
  using late = Fd.open(path, O_RDONLY);
  expect(lockFile(late, 'shared')).toBe('taken');
});

test('lockFile: a file descriptor that does not allow it has no lock', () => {
  using fd = Fd.open(path, O_RDONLY);
  expect(lockFile(fd, 'exclusive')).toBe('unavailable');
});

test('lockFile: other processes see it', () => {
  using fd = Fd.open(path, O_RDWR);
  expect(lockFile(fd, 'exclusive')).toBe('locked');
  const inode = execFileSync('stat', ['-c', '%i', path], { encoding: 'utf8' }).trim();
  expect(execFileSync('cat', ['/proc/locks'], { encoding: 'utf8' })).toMatch(new RegExp(`OFDLCK .*WRITE .*:${inode} `));
});
