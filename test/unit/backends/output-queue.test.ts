import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants, openSync, readFileSync } from 'node:fs';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { OUTPUT_BYTES_HIGH, type OutputOptions, OutputQueue } from '../../../src/backends/output-queue.ts';
import { KiB, MiB } from '../../../src/base/units.ts';
import { Fd } from '../../../src/host/fd.ts';
import { pattern, readNow, TestFolder } from './streams.ts';

let resources: DisposableStack;
let folder: TestFolder;
let said: string[];
let lost: string[];
beforeEach(() => {
  resources = new DisposableStack();
  folder = resources.use(new TestFolder());
  said = [];
  lost = [];
});
afterEach(() => resources.dispose());

function pipe(flags: number) {
  const { readEnd, writeEnd } = folder.pipe('pipe', flags);
  return { readEnd: resources.use(readEnd), writeEnd: resources.use(writeEnd) };
}

/** Another process that begins to copy the pipe into a file after a while. */
function copyAfter(seconds: number): ChildProcess {
  const script = `sleep ${seconds}; exec cat '${folder.file('pipe')}' > '${folder.file('copy')}'`;
  return spawn('sh', ['-c', script], { stdio: 'inherit' });
}

function queueOn(fd: Fd, options: Partial<OutputOptions> = {}): OutputQueue {
  return resources.use(
    new OutputQueue(fd.number, {
      nonBlocking: true,
      what: 'the pipe',
      say: (line) => said.push(line),
      onLost: (why) => lost.push(why),
      ...options,
    }),
  );
}

for (const nonBlocking of [true, false]) {
  test(`write: 2 MiB through a slow reader arrive intact, non-blocking: ${nonBlocking}`, async () => {
    const { readEnd, writeEnd } = pipe(nonBlocking ? constants.O_NONBLOCK : 0);
    let holds = 0;
    const queue = queueOn(writeEnd, { nonBlocking, hold: () => holds++ });
    const output = pattern(2 * MiB);
    const arrived: Buffer[] = [];
    for (let done = 0; done < output.length; done += 4 * KiB) {
      while (queue.isFull) {
        arrived.push(readNow(readEnd.number, 10_000));
        await turn();
      }
      queue.write(output.subarray(done, done + 4 * KiB));
    }
    let drained = false;
    const drain = queue.drain().then(() => {
      drained = true;
    });
    while (!drained) {
      arrived.push(readNow(readEnd.number));
      await turn();
    }
    await drain;
    arrived.push(readNow(readEnd.number, 1 * MiB));
    expect(Buffer.concat(arrived).equals(output)).toBe(true);
    expect(holds).toBeGreaterThan(0);
    expect([...said, ...lost]).toEqual([]);
  });
}

test('room: resolves when half of what waited has left', async () => {
  const { readEnd, writeEnd } = pipe(constants.O_NONBLOCK);
  const queue = queueOn(writeEnd, { hold: () => {} });
  queue.write(pattern(64 * KiB + OUTPUT_BYTES_HIGH));
  expect(queue.isFull).toBe(true);
  let hasRoom = false;
  void queue.room().then(() => {
    hasRoom = true;
  });
  let read = 0;
  while (!hasRoom) {
    read += readNow(readEnd.number).length;
    await turn();
  }
  expect(read).toBeGreaterThanOrEqual(OUTPUT_BYTES_HIGH / 2);
  expect(queue.isFull).toBe(false);
  readEnd[Symbol.dispose]();
});

test('write: without somebody to hold the guest it blocks until the reader reads', async () => {
  const { writeEnd } = pipe(constants.O_NONBLOCK);
  const startedAt = performance.now();
  const reader = copyAfter(0.2);
  const queue = queueOn(writeEnd);
  const output = pattern(3 * MiB);
  queue.write(output);
  expect(performance.now() - startedAt).toBeGreaterThan(150);
  queue[Symbol.dispose]();
  writeEnd[Symbol.dispose]();
  await once(reader, 'exit');
  expect(readFileSync(folder.file('copy')).equals(output)).toBe(true);
});

test('write: a reader that is gone is reported once, and what comes is dropped', async () => {
  const { readEnd, writeEnd } = pipe(constants.O_NONBLOCK);
  const queue = queueOn(writeEnd);
  queue.write(pattern(128 * KiB));
  readEnd[Symbol.dispose]();
  await queue.drain();
  queue.write(pattern(10));
  expect(lost).toEqual(['gone']);
});

test('patienceMs: a reader that takes nothing while the guest waits for it is given up', async () => {
  const { writeEnd } = pipe(constants.O_NONBLOCK);
  const holding = queueOn(writeEnd, { patienceMs: 30, hold: () => {} });
  holding.write(pattern(64 * KiB + OUTPUT_BYTES_HIGH));
  expect(holding.isFull).toBe(true);
  await holding.room();
  expect(lost).toEqual(['stalled']);
  const blocking = queueOn(writeEnd, { patienceMs: 30 });
  blocking.write(pattern(2 * MiB));
  expect(lost).toEqual(['stalled', 'stalled']);
});

test('patienceMs: a reader that reads now and then is not given up', async () => {
  const { readEnd, writeEnd } = pipe(constants.O_NONBLOCK);
  const queue = queueOn(writeEnd, { patienceMs: 120, hold: () => {} });
  queue.write(pattern(64 * KiB + OUTPUT_BYTES_HIGH));
  const startedAt = performance.now();
  while (performance.now() - startedAt < 300) {
    readNow(readEnd.number, 8 * KiB);
    await sleep(20);
  }
  expect(queue.isFull).toBe(true);
  expect(lost).toEqual([]);
});

test('write: a full disk is said once, and does not end anything', () => {
  const full = resources.use(new Fd(openSync('/dev/full', constants.O_WRONLY)));
  const queue = queueOn(full, { what: 'vm.log' });
  queue.write(pattern(10));
  queue.write(pattern(10));
  expect(said).toEqual([
    'Cannot write the console to vm.log: No space left (ENOSPC): what the guest prints is dropped meanwhile',
  ]);
});

test('dispose: what waits still leaves, if the reader takes it', async () => {
  const { writeEnd } = pipe(constants.O_NONBLOCK);
  const reader = copyAfter(0.1);
  const queue = queueOn(writeEnd);
  queue.write(pattern(500 * KiB));
  queue[Symbol.dispose]();
  writeEnd[Symbol.dispose]();
  await once(reader, 'exit');
  expect(readFileSync(folder.file('copy')).equals(pattern(500 * KiB))).toBe(true);
});

test('dispose: a reader that takes nothing does not keep us', () => {
  const { writeEnd } = pipe(constants.O_NONBLOCK);
  const queue = queueOn(writeEnd);
  queue.write(pattern(100 * KiB));
  const startedAt = performance.now();
  queue[Symbol.dispose]();
  expect(performance.now() - startedAt).toBeLessThan(1_900);
});
