import { constants, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { F_GETFL } from '../../../src/abi/libc.ts';
import { TerminalConsole } from '../../../src/backends/terminal.ts';
import { KiB, MiB } from '../../../src/base/units.ts';
import { Fd } from '../../../src/host/fd.ts';
import * as libc from '../../../src/host/libc.ts';
import { TestTerminal } from '../../support/pty.ts';
import { until } from '../../support/until.ts';
import { pattern, readNow, SlowGuest, TestFolder } from './streams.ts';

let resources: DisposableStack;
let folder: TestFolder;
let said: string[];
let escapes: string[];
beforeEach(() => {
  resources = new DisposableStack();
  folder = resources.use(new TestFolder());
  said = [];
  escapes = [];
});
afterEach(() => resources.dispose());

function open(input: number, output: number, hold?: () => void): TerminalConsole {
  const options = {
    say: (line: string) => said.push(line),
    onEscape: (key: string) => escapes.push(key),
    ...(hold && { hold }),
  };
  return resources.use(new TerminalConsole(options, { input, output }));
}

test('a terminal: raw from start to dispose; keys reach the guest, output reaches the screen unchanged', async () => {
  const terminal = resources.use(new TestTerminal());
  const before = terminal.mode();
  const guest = new SlowGuest(16);
  const console = open(terminal.slave.number, terminal.slave.number);
  expect(terminal.mode()).toEqual(before);
  console.start(guest.receive);
  expect(terminal.isRaw).toBe(true);
  writeSync(terminal.master.number, '\x03ls\r');
  await until(() => guest.count === 4, 'the keys');
  expect(guest.received.toString()).toBe('\x03ls\r');
  console.write(Buffer.from('one\r\ntwo\n'));
  expect(readNow(terminal.master.number).toString()).toBe('one\r\ntwo\n');
  console[Symbol.dispose]();
  expect(terminal.mode()).toEqual(before);
});

test('a terminal: Ctrl-A leads out, also while the guest takes no input', async () => {
  const terminal = resources.use(new TestTerminal());
  const console = open(terminal.slave.number, terminal.slave.number);
  console.start(() => 0);
  writeSync(terminal.master.number, 'waiting\x01p\x01x\x01h');
  await until(() => escapes.length === 2, 'the escapes');
  expect(escapes).toEqual(['powerkey', 'quit']);
  expect(readNow(terminal.master.number).toString()).toContain('\r\nCtrl-A x       end the VM at once\r\n');
});

test('a terminal: 64 KiB typed arrive intact, 16 bytes at a time', async () => {
  const terminal = resources.use(new TestTerminal());
  const guest = new SlowGuest(16);
  const console = open(terminal.slave.number, terminal.slave.number);
  console.start(guest.receive);
  const typed = pattern(64 * KiB).map((byte) => (byte === 1 ? 2 : byte));
  for (let done = 0; guest.count < typed.length; await turn()) {
    try {
      if (done < typed.length)
        done += writeSync(terminal.master.number, typed, done, Math.min(1024, typed.length - done));
    } catch {
      // Full for now.
    }
    for (let times = 0; times < 100; times++) console.resume();
  }
  expect(guest.received.equals(typed)).toBe(true);
});

test('a terminal: 1 MiB of output arrives intact at a slow one', async () => {
  const terminal = resources.use(new TestTerminal());
  const console = open(terminal.slave.number, terminal.slave.number, () => {});
  console.start(() => 0);
  const output = pattern(1 * MiB);
  for (let done = 0; done < output.length; done += 4 * KiB) console.write(output.subarray(done, done + 4 * KiB));
  const arrived: Buffer[] = [];
  for (let count = 0; count < output.length; await turn()) {
    arrived.push(readNow(terminal.master.number, 4 * KiB));
    count += arrived.at(-1)!.length;
  }
  expect(Buffer.concat(arrived).equals(output)).toBe(true);
});

test('pipes: bytes pass as they are, no key is special, the end of the input ends nothing', async () => {
  const { readEnd, writeEnd } = folder.pipe('in');
  const out = folder.pipe('out');
  for (const fd of [readEnd, out.readEnd, out.writeEnd]) resources.use(fd);
  const guest = new SlowGuest(16);
  const console = open(readEnd.number, out.writeEnd.number);
  console.start(guest.receive);
  writeSync(writeEnd.number, 'a\x01xb');
  writeEnd[Symbol.dispose]();
  await until(() => guest.count === 4, 'the input');
  expect(guest.received.toString()).toBe('a\x01xb');
  expect(escapes).toEqual([]);
  console.write(Buffer.from('after the end\n'));
  expect(readNow(out.readEnd.number).toString()).toBe('after the end\n');
});

test('pipes: the mode of what we share with the shell stays as it was', () => {
  const { readEnd, writeEnd } = folder.pipe('out');
  resources.use(readEnd);
  resources.use(writeEnd);
  const before = libc.fcntl(writeEnd.number, F_GETFL, 0);
  const console = open(openNothing(), writeEnd.number, () => {});
  console.write(pattern(100 * KiB));
  expect(libc.fcntl(writeEnd.number, F_GETFL, 0)).toBe(before);
  readEnd[Symbol.dispose]();
});

test('files: input is read to its end, output is added where the file stands', () => {
  writeFileSync(folder.file('in'), 'root\n');
  writeFileSync(folder.file('out'), 'before\n');
  const input = resources.use(new Fd(openSync(folder.file('in'), 'r')));
  const output = resources.use(new Fd(openSync(folder.file('out'), 'a')));
  const guest = new SlowGuest(16);
  const console = open(input.number, output.number);
  console.start(guest.receive);
  console.write(Buffer.from('login: '));
  expect(guest.received.toString()).toBe('root\n');
  expect(readFileSync(folder.file('out'), 'utf8')).toBe('before\nlogin: ');
});

test('a reader that is gone is said once', () => {
  const { readEnd, writeEnd } = folder.pipe('out');
  resources.use(writeEnd);
  const console = open(openNothing(), writeEnd.number);
  readEnd[Symbol.dispose]();
  console.write(Buffer.from('a'));
  console.write(Buffer.from('b'));
  expect(said).toEqual(['Nobody reads standard output any more: what the guest prints is dropped']);
});

function openNothing(): number {
  return resources.use(new Fd(openSync('/dev/null', constants.O_RDONLY))).number;
}
