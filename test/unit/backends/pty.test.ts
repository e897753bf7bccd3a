import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants, openSync, writeSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { PtyConsole } from '../../../src/backends/pty.ts';
import { KiB, MiB } from '../../../src/base/units.ts';
import { Fd } from '../../../src/host/fd.ts';
import { until } from '../../support/until.ts';
import { pattern, readNow, SlowGuest } from './streams.ts';

let resources: DisposableStack;
let said: string[];
let holds: number;
let console: PtyConsole;
beforeEach(() => {
  resources = new DisposableStack();
  said = [];
  holds = 0;
  console = resources.use(
    new PtyConsole({ say: (line) => said.push(line), onEscape: () => {}, hold: () => holds++ }, 100),
  );
});
afterEach(() => resources.dispose());

/** What a terminal program does. */
function attach(): Fd {
  const name = console.description.replace('pty ', '');
  return new Fd(openSync(name, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK));
}

test('its name is said, and output waits there for whoever attaches', () => {
  expect(said).toEqual([`The console is ${console.description.replace('pty ', '')}`]);
  console.write(Buffer.from('login: \n'));
  using terminal = attach();
  expect(readNow(terminal.number).toString()).toBe('login: \n');
});

test('input reaches the guest, also from a second program after the first has gone', async () => {
  const guest = new SlowGuest(16);
  console.start(guest.receive);
  {
    using first = attach();
    writeSync(first.number, 'ro\r');
    await until(() => guest.count === 3, 'the first input');
  }
  console.write(Buffer.from('echo?'));
  {
    using second = attach();
    expect(readNow(second.number).toString()).toBe('echo?');
    writeSync(second.number, 'ot\x03');
    await until(() => guest.count === 6, 'the second input');
  }
  expect(guest.received.toString()).toBe('ro\rot\x03');
});

test('1 MiB through a slow terminal arrives intact', async () => {
  using terminal = attach();
  const output = pattern(1 * MiB);
  const arrived: Buffer[] = [];
  let count = 0;
  const take = () => {
    arrived.push(readNow(terminal.number, 4 * KiB));
    count += arrived.at(-1)!.length;
  };
  for (let done = 0; done < output.length; done += 4 * KiB) {
    console.write(output.subarray(done, done + 4 * KiB));
    if (done % (64 * KiB) === 0) take();
  }
  for (; count < output.length; await turn()) take();
  expect(Buffer.concat(arrived).equals(output)).toBe(true);
});

test('at the end the last output waits for a slow reader, but not for nobody', async () => {
  const output = pattern(64 * KiB);
  using terminal = attach();
  console.write(output);
  const ended = console.drain().then(() => resources.dispose());
  const arrived: Buffer[] = [];
  const reads = 2 * (output.length / (4 * KiB));
  for (let read = 0; read < reads; read++) {
    await sleep(20);
    arrived.push(readNow(terminal.number, 4 * KiB));
  }
  expect(Buffer.concat(arrived).equals(output)).toBe(true);
  await ended;

  using unread = new PtyConsole({ say: () => {}, onEscape: () => {} });
  unread.write(Buffer.from('Power down'));
  await unread.drain();
});

test('a port, which is only closed, waits for its reader too', async () => {
  const port = resources.use(new PtyConsole({ say: () => {}, onEscape: () => {}, lossless: { peer: () => {} } }));
  const terminal = port.description.replace('pty ', '');
  const reading = '{ head -c 5; sleep 0.02; cat; } <"$0"';
  const reader = spawn('sh', ['-c', reading, terminal], { stdio: ['ignore', 'pipe', 'ignore'] });
  port.write(Buffer.from('ready'));
  await once(reader.stdout, 'readable');
  const arrived = text(reader.stdout);
  const output = pattern(16 * KiB).toString('hex');
  port.write(Buffer.from(output));
  port[Symbol.dispose]();
  expect((await arrived).endsWith(output)).toBe(true);
});

test('when nobody reads, the guest is held for a while and then goes on; a reader sees the last of it', async () => {
  const output = pattern(2 * MiB);
  let done = 0;
  for (; !console.isFull; done += 4 * KiB) console.write(output.subarray(done, done + 4 * KiB));
  expect(holds).toBe(1);
  await console.room();
  for (; done < output.length; done += 4 * KiB) console.write(output.subarray(done, done + 4 * KiB));
  expect(console.isFull).toBe(false);
  await console.drain();
  console.write(Buffer.from('the end'));
  using terminal = attach();
  let seen = Buffer.alloc(0);
  await until(() => {
    seen = Buffer.concat([seen, readNow(terminal.number)]);
    return seen.includes('the end');
  }, 'the end of the output');
  expect(seen.includes(output.subarray(output.length - 32 * KiB))).toBe(true);
});
