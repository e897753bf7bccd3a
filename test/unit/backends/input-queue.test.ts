import { openSync, writeFileSync, writeSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { InputQueue } from '../../../src/backends/input-queue.ts';
import { KiB } from '../../../src/base/units.ts';
import { Fd } from '../../../src/host/fd.ts';
import { until } from '../../support/until.ts';
import { pattern, SlowGuest, TestFolder } from './streams.ts';

let resources: DisposableStack;
let folder: TestFolder;
beforeEach(() => {
  resources = new DisposableStack();
  folder = resources.use(new TestFolder());
});
afterEach(() => resources.dispose());

test('a pipe: 64 KiB arrive intact at a guest that takes 16 bytes at a time, then the end', async () => {
  const { readEnd, writeEnd } = folder.pipe('pipe');
  resources.use(readEnd);
  writeSync(writeEnd.number, pattern(64 * KiB));
  writeEnd[Symbol.dispose]();
  let ends = 0;
  const guest = new SlowGuest(16);
  const queue = resources.use(new InputQueue(readEnd.number, { onEnd: () => ends++ }));
  queue.start(guest.receive);
  await until(() => guest.count > 0, 'the first bytes');
  expect(guest.count).toBe(16);
  while (guest.count < 64 * KiB || ends === 0) {
    queue.resume();
    await turn();
  }
  expect(guest.received.equals(pattern(64 * KiB))).toBe(true);
  expect(ends).toBe(1);
});

test('a pipe: the sender waits while the guest takes nothing', async () => {
  const { readEnd, writeEnd } = folder.pipe('pipe', 0o4000);
  resources.use(readEnd);
  resources.use(writeEnd);
  const queue = resources.use(new InputQueue(readEnd.number));
  queue.start(() => 0);
  let written = 0;
  for (let idle = 0; idle < 20; idle++) {
    try {
      written += writeSync(writeEnd.number, pattern(4 * KiB));
      idle = 0;
    } catch {
      // Full for now.
    }
    await turn();
  }
  expect(written).toBeGreaterThanOrEqual(64 * KiB);
  expect(written).toBeLessThan(256 * KiB);
});

test('a regular file and /dev/null, which no event loop can watch, are read as the guest takes them', () => {
  writeFileSync(folder.file('input'), pattern(64 * KiB));
  const file = resources.use(new Fd(openSync(folder.file('input'), 'r')));
  let ends = 0;
  const guest = new SlowGuest(16);
  const queue = resources.use(new InputQueue(file.number, { onEnd: () => ends++ }));
  queue.start(guest.receive);
  expect(guest.count).toBe(16);
  while (ends === 0) queue.resume();
  expect(guest.received.equals(pattern(64 * KiB))).toBe(true);
  const nothing = resources.use(new Fd(openSync('/dev/null', 'r')));
  resources.use(new InputQueue(nothing.number, { onEnd: () => ends++ })).start(guest.receive);
  expect(ends).toBe(2);
});

test('resume: from inside receive it offers nothing twice', async () => {
  const { readEnd, writeEnd } = folder.pipe('pipe');
  resources.use(readEnd);
  resources.use(writeEnd);
  const guest = new SlowGuest(16);
  const queue = resources.use(new InputQueue(readEnd.number));
  queue.start((bytes) => {
    queue.resume();
    return guest.receive(bytes);
  });
  writeSync(writeEnd.number, pattern(100));
  while (guest.count < 100) {
    queue.resume();
    await turn();
  }
  expect(guest.received.equals(pattern(100))).toBe(true);
});

test('filter: sees everything at once, though the guest takes nothing', async () => {
  const { readEnd, writeEnd } = folder.pipe('pipe', 0o4000);
  resources.use(readEnd);
  resources.use(writeEnd);
  let seen = 0;
  let dropped = 0;
  const queue = resources.use(
    new InputQueue(readEnd.number, {
      filter: (bytes) => {
        seen += bytes.length;
        return bytes;
      },
      onDropped: () => dropped++,
    }),
  );
  queue.start(() => 0);
  const total = 1100 * KiB;
  for (let written = 0; written < total; await turn()) {
    try {
      written += writeSync(writeEnd.number, pattern(4 * KiB));
    } catch {
      // Full for now.
    }
  }
  await until(() => seen >= total, 'all that was typed');
  expect(dropped).toBeGreaterThan(0);
});

test('dispose: nothing is offered any more', async () => {
  const { readEnd, writeEnd } = folder.pipe('pipe');
  resources.use(readEnd);
  resources.use(writeEnd);
  const guest = new SlowGuest(4);
  const queue = resources.use(new InputQueue(readEnd.number));
  queue.start(guest.receive);
  writeSync(writeEnd.number, pattern(100));
  await until(() => guest.count === 4, 'the first bytes');
  queue[Symbol.dispose]();
  queue.resume();
  await turn();
  expect(guest.count).toBe(4);
});
