import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { O_RDONLY } from '../../../src/abi/libc.ts';
import { Fd } from '../../../src/host/fd.ts';
import { isAnyTerminalRaw } from '../../../src/host/raw-terminals.ts';
import { isTerminal, openPty, RawMode, restoreTerminals } from '../../../src/host/terminal-mode.ts';
import { processState, TestTerminal } from '../../support/pty.ts';
import { until } from '../../support/until.ts';

const CHILD = fileURLToPath(new URL('raw-mode-child.ts', import.meta.url));

let terminal: TestTerminal;
let before: Uint8Array;
beforeEach(() => {
  terminal = new TestTerminal();
  before = terminal.mode();
});
afterEach(() => terminal[Symbol.dispose]());

/** Starts the child with the terminal as its standard input; resolves once it has made that raw. */
async function startRaw(ending: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [CHILD, ending], { stdio: [terminal.slave.number, 'ignore', 'pipe'] });
  await once(child.stderr!, 'data');
  return child;
}

test('RawMode: everything goes through unchanged until it is disposed of, then all is as before', () => {
  const mode = new RawMode(terminal.slave);
  expect(terminal.isRaw).toBe(true);
  expect(isAnyTerminalRaw()).toBe(true);
  mode[Symbol.dispose]();
  mode[Symbol.dispose]();
  expect(terminal.mode()).toEqual(before);
  expect(isAnyTerminalRaw()).toBe(false);
  expect(process.listenerCount('SIGTSTP')).toBe(0);
});

test('restoreTerminals: restores every terminal, and does nothing when there is none', () => {
  using second = new TestTerminal();
  new RawMode(terminal.slave);
  new RawMode(second.slave);
  restoreTerminals();
  expect(terminal.mode()).toEqual(before);
  expect(second.mode()).toEqual(before);
  restoreTerminals();
});

test('isTerminal, openPty: a new pty is a terminal in raw mode, a file is none', () => {
  const { master, slave, name } = openPty();
  using _master = master;
  using _slave = slave;
  expect(isTerminal(slave.number)).toBe(true);
  expect(name).toMatch(/^\/dev\/pts\/\d+$/);
  using file = Fd.open('/dev/null', O_RDONLY);
  expect(isTerminal(file.number)).toBe(false);
});

test.each([
  ['exit', 3, null],
  ['throw', 1, null],
  ['reject', 1, null],
  ['dispose', 0, null],
  ['last-resort', null, 'SIGKILL'],
] as const)('a process that ends by %s leaves the terminal as it was', async (ending, code, signal) => {
  const child = await startRaw(ending);
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  expect([child.exitCode, child.signalCode]).toEqual([code, signal]);
  expect(terminal.mode()).toEqual(before);
});

test.each(['SIGTERM', 'SIGHUP', 'SIGINT', 'SIGQUIT'] as const)(
  'a process that %s ends leaves the terminal as it was',
  async (signal) => {
    const child = await startRaw('wait');
    expect(terminal.isRaw).toBe(true);
    child.kill(signal);
    await once(child, 'exit');
    expect(child.signalCode).toBe(signal);
    expect(terminal.mode()).toEqual(before);
  },
);

test('a signal that somebody else handles leaves the terminal raw until the process ends', async () => {
  const child = await startRaw('handler');
  child.kill('SIGTERM');
  await once(child.stderr!, 'data');
  expect(terminal.isRaw).toBe(true);
  await once(child, 'exit');
  expect(child.exitCode).toBe(0);
  expect(terminal.mode()).toEqual(before);
});

test('SIGTSTP gives the terminal back while the process is stopped, SIGCONT takes it again', async () => {
  const child = await startRaw('wait');
  child.kill('SIGTSTP');
  await until(() => processState(child.pid!) === 'T', 'the process to stop');
  expect(terminal.mode()).toEqual(before);
  child.kill('SIGCONT');
  await until(() => terminal.isRaw, 'raw mode to come back');
  child.kill('SIGTERM');
  await once(child, 'exit');
  expect(terminal.mode()).toEqual(before);
});
