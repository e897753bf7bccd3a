/** src/nested/cpio.ts: what cpio(1) makes of it. */
import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { encodeCpio } from '../../../src/nested/cpio.ts';

const entries = [
  { kind: 'directory', path: 'bin' },
  { kind: 'file', path: 'bin/tool', data: new Uint8Array([1, 2, 3, 4, 5]), isExecutable: true },
  { kind: 'file', path: 'note', data: new Uint8Array() },
  { kind: 'file', path: 'key', data: new Uint8Array(), isExecutable: true, isPrivate: true },
  { kind: 'symlink', path: 'bin/sh', target: 'tool' },
  { kind: 'character-device', path: 'console', major: 5, minor: 1 },
] as const;

function list(archive: Uint8Array): string[] {
  const text = execFileSync('cpio', ['-itvn', '--quiet'], { input: archive, encoding: 'utf8' });
  return text
    .trim()
    .split('\n')
    .map((line) => line.replaceAll(/ +/g, ' '));
}

test('encodeCpio: cpio lists every entry with its type, mode, owner, size and date', () => {
  expect(list(encodeCpio(entries))).toEqual([
    'drwxr-xr-x 2 0 0 0 Jan 1 1970 bin',
    '-rwxr-xr-x 1 0 0 5 Jan 1 1970 bin/tool',
    '-rw-r--r-- 1 0 0 0 Jan 1 1970 note',
    '-rw------- 1 0 0 0 Jan 1 1970 key',
    'lrwxrwxrwx 1 0 0 4 Jan 1 1970 bin/sh -> tool',
    'crw------- 1 0 0 5, 1 Jan 1 1970 console',
  ]);
});

test('encodeCpio: equal entries give equal bytes', () => {
  expect(encodeCpio(entries)).toEqual(encodeCpio(entries));
});

test('encodeCpio: data of every length around a multiple of four comes back whole', () => {
  for (const bytes of [0, 1, 3, 4, 5, 8]) {
    const data = new Uint8Array(bytes).fill(0x41);
    const archive = encodeCpio([{ kind: 'file', path: 'data', data }]);
    const extracted = execFileSync('cpio', ['-i', '--quiet', '--to-stdout'], { input: archive });
    expect(new Uint8Array(extracted)).toEqual(data);
  }
});

test('encodeCpio: archives one after the other are one, as the kernel reads them', () => {
  const archives = ['first', 'second'].map((path) =>
    encodeCpio([{ kind: 'file', path, data: new TextEncoder().encode(path) }]),
  );
  expect(archives.map(list)).toEqual([
    ['-rw-r--r-- 1 0 0 5 Jan 1 1970 first'],
    ['-rw-r--r-- 1 0 0 6 Jan 1 1970 second'],
  ]);
  expect(archives.every((archive) => archive.length % 4 === 0)).toBe(true);
});
