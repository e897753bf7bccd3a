import { execFileSync } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { openConsole } from '../../../src/backends/console.ts';
import { HostError } from '../../../src/base/errors.ts';
import { MiB } from '../../../src/base/units.ts';
import { pattern, TestFolder } from './streams.ts';

const options = { say: () => {}, onEscape: () => {} };

test('file: what is printed is appended', () => {
  using folder = new TestFolder();
  const path = folder.file('vm.log');
  writeFileSync(path, 'before\n');
  {
    using console = openConsole({ kind: 'file', path }, options);
    expect(console.description).toBe(`file ${path}`);
    console.start(() => 0);
    console.write(pattern(1 * MiB));
    console.resume();
  }
  expect(readFileSync(path).equals(Buffer.concat([Buffer.from('before\n'), pattern(1 * MiB)]))).toBe(true);
});

test('file: a new one is for its owner alone', () => {
  using folder = new TestFolder();
  using _console = openConsole({ kind: 'file', path: folder.file('vm.log') }, options);
  expect(statSync(folder.file('vm.log')).mode & 0o777).toBe(0o600);
});

test('file: what cannot be opened is said in words', () => {
  using folder = new TestFolder();
  execFileSync('mkfifo', [folder.file('pipe')]);
  const open = (path: string) => () => openConsole({ kind: 'file', path }, options);
  expect(open(folder.file('no/vm.log'))).toThrow(HostError);
  expect(open(folder.file('no/vm.log'))).toThrow(
    `Cannot open the console file ${folder.file('no/vm.log')}: No such file or directory (ENOENT)`,
  );
  expect(open(folder.file('pipe'))).toThrow(
    `Cannot open the console file ${folder.file('pipe')}: No such device or address (ENXIO): start what reads this pipe first`,
  );
});

test('none: takes everything and gives nothing', async () => {
  using console = openConsole({ kind: 'none' }, options);
  console.start(() => 0);
  console.write(pattern(4 * MiB));
  console.resume();
  await console.drain();
  expect(console.isFull).toBe(false);
});
