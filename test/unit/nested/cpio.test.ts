/** src/nested/cpio.ts: what cpio(1) makes of it. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { cpioArchive } from '../../../src/nested/cpio.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'orko-cpio-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const unpack = (archive: Uint8Array) =>
  execFileSync('cpio', ['-id', '--quiet', '--no-preserve-owner'], { cwd: directory, input: archive });

test('cpioArchive: files of every length modulo four, and folders, come out as they went in', () => {
  const texts = ['', 'a', 'ab', 'abc', 'abcd', 'abcde'];
  const files = texts.map((text) => ({ name: `d/${text}x`, data: Buffer.from(text) }));

  unpack(cpioArchive([{ name: 'd' }, ...files]));

  for (const { name, data } of files) expect(readFileSync(join(directory, name))).toEqual(data);
});

test('cpioArchive: keeps the mode it is given', () => {
  unpack(cpioArchive([{ name: 'key', data: Buffer.from('secret'), mode: 0o600 }]));

  expect(statSync(join(directory, 'key')).mode & 0o777).toBe(0o600);
});

test('cpioArchive: archives one after the other are one, as the kernel reads them', () => {
  const archives = ['first', 'second'].map((name) => cpioArchive([{ name, data: Buffer.from(name) }]));

  for (const archive of archives) unpack(archive);

  expect(archives.every((archive) => archive.length % 4 === 0)).toBe(true);
});
