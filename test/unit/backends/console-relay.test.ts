import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openConsole } from '../../../src/backends/console.ts';
import { ConsoleRelay } from '../../../src/backends/console-relay.ts';
import { KiB, MiB } from '../../../src/base/units.ts';
import { until } from '../../support/until.ts';
import { pattern, SlowGuest } from './streams.ts';

/** A terminal whose user reads when told to. */
class FakeTerminal {
  readonly description = 'terminal';
  readonly shown: Buffer[] = [];
  isFull = false;
  isClosed = false;
  resumed = 0;
  type: (bytes: Uint8Array) => number = () => 0;

  write(bytes: Uint8Array): void {
    this.shown.push(Buffer.from(bytes));
  }
  start(receive: (bytes: Uint8Array) => number): void {
    this.type = receive;
  }
  resume(): void {
    this.resumed++;
  }
  async room(): Promise<void> {}
  async drain(): Promise<void> {}
  [Symbol.dispose](): void {
    this.isClosed = true;
  }
  get text(): Buffer {
    return Buffer.concat(this.shown);
  }
}

let resources: DisposableStack;
let terminal: FakeTerminal;
let release: () => void;
let relay: ConsoleRelay;
beforeEach(() => {
  resources = new DisposableStack();
  terminal = new FakeTerminal();
  relay = new ConsoleRelay((released) => {
    release = released;
    return terminal;
  });
  resources.use(relay);
});
afterEach(() => resources.dispose());

/** The console in the other thread; here in this one. */
function other() {
  const spec = { kind: 'descriptor', number: relay.number, description: 'stdio' } as const;
  return resources.use(openConsole(spec, { say() {}, onEscape() {}, hold() {} }));
}

test('bytes go both ways, and nothing is typed before the start', async () => {
  const console = other();
  const guest = new SlowGuest(1000);
  console.start(guest.receive);
  console.write(Buffer.from('login: '));
  relay.start();
  await until(() => terminal.text.toString() === 'login: ', 'the output');
  expect(terminal.type(Buffer.from('root\n'))).toBe(5);
  await until(() => guest.received.toString() === 'root\n', 'the input');
});

test('a full terminal holds the guest up, and loses nothing', async () => {
  const console = other();
  relay.start();
  terminal.isFull = true;
  const bytes = pattern(2 * MiB);
  let written = 0;
  for (; written < bytes.length && !console.isFull; written += 4 * KiB)
    console.write(bytes.subarray(written, written + 4 * KiB));
  await sleep(20);
  expect(console.isFull).toBe(true);
  expect(terminal.text.length).toBe(0);
  terminal.isFull = false;
  release();
  await until(() => terminal.text.length === written, 'the output');
  expect(terminal.text.equals(bytes.subarray(0, written))).toBe(true);
});

test('a guest that takes nothing holds the terminal up', async () => {
  const console = other();
  console.start(() => 0);
  relay.start();
  let typed = 0;
  for (let count = 1; count > 0; typed += count) {
    await sleep(2);
    count = terminal.type(new Uint8Array(64 * KiB));
  }
  expect(typed).toBeLessThan(MiB);
  const guest = new SlowGuest(64 * KiB);
  console.start(guest.receive);
  await until(() => terminal.resumed > 0, 'the terminal to be asked again');
});

test('the end: what was said last is shown, then the terminal is closed', () => {
  const console = other();
  relay.start();
  console.write(Buffer.from('Power down\n'));
  console[Symbol.dispose]();
  relay[Symbol.dispose]();
  expect(terminal.text.toString()).toBe('Power down\n');
  expect(terminal.isClosed).toBe(true);
});
