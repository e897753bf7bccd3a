import { execFileSync, spawnSync } from 'node:child_process';
import { readSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { TestTerminal } from '../../support/pty.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
const CHILD = `
  import { say } from '${ROOT}/src/cli/output.ts';
  import { duplicate } from '${ROOT}/src/host/poll.ts';
  import { RawMode } from '${ROOT}/src/host/terminal-mode.ts';
  say('one\\ntwo');
  const raw = new RawMode(duplicate(0));
  say('three\\nfour');
  raw[Symbol.dispose]();
  say('five');
`;

test('say: each line begins in the first column, whether the terminal is raw or not', () => {
  using terminal = new TestTerminal();
  const { number } = terminal.slave;
  execFileSync(process.execPath, ['--input-type=module', '-e', CHILD], { stdio: [number, number, number] });
  const bytes = new Uint8Array(1000);
  const count = readSync(terminal.master.number, bytes);
  expect(new TextDecoder().decode(bytes.subarray(0, count))).toBe('one\r\ntwo\r\nthree\r\nfour\r\nfive\r\n');
});

test('say: a pipe gets plain lines', () => {
  const child = `import { say } from '${ROOT}/src/cli/output.ts'; say('one\\ntwo');`;
  const words = ['--input-type=module', '-e', child];
  expect(spawnSync(process.execPath, words, { encoding: 'utf8' }).stderr).toBe('one\ntwo\n');
});
