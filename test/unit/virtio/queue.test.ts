import { describe, expect, test } from 'vitest';
import { GuestFault } from '../../../src/base/errors.ts';
import type { DescriptorChain } from '../../../src/virtio/chain.ts';
import { Virtqueue } from '../../../src/virtio/queue.ts';
import { QueueCounters } from '../../../src/virtio/queue-counters.ts';
import type { QueuePlaces, RingFeatures } from '../../../src/virtio/ring.ts';
import { PLAIN } from '../../support/driver.ts';
import { type QueuePairOptions, queuePair } from '../../support/queue-pair.ts';

const FORMATS = [
  ['split', { packed: false }],
  ['packed', { packed: true }],
] as const;
const NOTIFYING = FORMATS.flatMap(([name, format]) =>
  [false, true].map((eventIdx) => [`${name}${eventIdx ? ', event-idx' : ''}`, { ...format, eventIdx }] as const),
);

/** Options of a queue whose host does not matter. */
const ALONE = {
  index: 0,
  features: PLAIN,
  host: { interrupt() {}, starved() {}, spent() {}, now: () => 0 },
};

/** A queue with `count` buffers available, each with one byte to read and one to write. */
function filled(count: number, options: QueuePairOptions = {}) {
  const pair = queuePair(options);
  const add = () => pair.driver.add({ readable: [Uint8Array.of(1)], writable: [1] });
  for (let index = 0; index < count; index++) add();
  return { ...pair, add, notified: pair.driver.kick() };
}

function popAll(queue: { pop(): DescriptorChain | undefined }): DescriptorChain[] {
  const chains: DescriptorChain[] = [];
  for (let chain = queue.pop(); chain; chain = queue.pop()) chains.push(chain);
  return chains;
}

describe.each(FORMATS)('turns: %s', (_, features) => {
  test('a pop that finds the ring empty starves the queue, and says so once', () => {
    const { queue, log } = filled(2, { features });
    queue.beginTurn(64);
    expect(popAll(queue)).toHaveLength(2);
    expect(queue.isStarved).toBe(true);
    expect(queue.pop()).toBeUndefined();
    expect(log).toMatchObject({ starved: 1, spent: 0 });
    queue.beginTurn(64);
    expect(queue.isStarved).toBe(false);
  });

  test('a turn ends when its budget is spent, and the next goes on', () => {
    const { queue, log } = filled(4, { features });
    queue.beginTurn(3);
    expect(popAll(queue)).toHaveLength(3);
    expect([queue.isSpent, queue.isStarved]).toEqual([true, false]);
    expect(log).toMatchObject({ starved: 0, spent: 1 });
    queue.beginTurn(3);
    expect(queue.isSpent).toBe(false);
    expect(popAll(queue)).toHaveLength(1);
  });

  test('a queue that a device leaves buffers in is neither', () => {
    const { queue, log } = filled(4, { features });
    queue.beginTurn(64);
    queue.pop();
    expect([queue.isSpent, queue.isStarved, log.spent, log.starved]).toEqual([false, false, 0, 0]);
    expect(queue.hasWork()).toBe(true);
  });

  test('hasWork: as pop would find it', () => {
    const { queue, add, driver } = filled(1, { features });
    expect(queue.hasWork()).toBe(true);
    queue.pop();
    expect(queue.hasWork()).toBe(false);
    add();
    expect(queue.hasWork()).toBe(false);
    driver.kick();
    expect(queue.hasWork()).toBe(true);
  });

  test('chains are used again', () => {
    const { queue, add, driver } = filled(1, { features });
    const first = queue.pop()!;
    first.complete();
    driver.take();
    add();
    driver.kick();
    expect(queue.pop()).toBe(first);
  });
});

describe.each(NOTIFYING)('notifications: %s', (_, features) => {
  test('are on when the queue begins', () => {
    expect(filled(1, { features }).notified).toBe(true);
  });

  test('are off from the first turn on, until the queue is armed', () => {
    const { queue, driver, add } = filled(1, { features });
    queue.beginTurn(64);
    popAll(queue);
    add();
    expect(driver.kick()).toBe(false);
    popAll(queue);
    expect(queue.arm()).toBe(false);
    add();
    expect(driver.kick()).toBe(true);
  });

  test('arm: says what came before it took effect', () => {
    const { queue, driver, add } = filled(1, { features });
    queue.beginTurn(64);
    popAll(queue);
    add();
    driver.kick();
    expect(queue.arm()).toBe(true);
  });
});

describe.each(NOTIFYING)('interrupts: %s', (_, features) => {
  test('one for all that was completed since the last; only then the driver sees it', () => {
    const { queue, log, driver } = filled(3, { features });
    for (const chain of popAll(queue)) chain.complete();
    expect([driver.take(), log.interrupts]).toEqual([undefined, 0]);
    queue.signal();
    queue.signal();
    expect(log.interrupts).toBe(1);
    expect([driver.take(), driver.take(), driver.take(), driver.take()].map((buffer) => buffer?.usedLength)).toEqual([
      0,
      0,
      0,
      undefined,
    ]);
  });

  test('none when the driver wants none, and again when it does', () => {
    const { queue, log, driver, add } = filled(3, { features });
    driver.ring.suppressInterrupts();
    queue.pop()!.complete();
    queue.signal();
    expect(log.interrupts).toBe(0);
    driver.take();
    expect(driver.ring.requestInterrupt(1)).toBe(false);
    queue.pop()!.complete();
    queue.signal();
    expect(log.interrupts).toBe(1);
    add();
  });

  test('none for nothing', () => {
    const { queue, log } = filled(1, { features });
    queue.signal();
    expect(log.interrupts).toBe(0);
  });
});

describe('interrupts: event-idx', () => {
  test.each(FORMATS)('%s: only when the used index passes the driver’s event', (_, format) => {
    const { queue, log, driver } = filled(4, { features: { ...format, eventIdx: true } });
    // In a packed ring an event counts descriptors, and a buffer has two.
    driver.ring.requestInterrupt(format.packed ? 5 : 3);
    const interrupts = Array.from({ length: 4 }, () => {
      queue.pop()!.complete();
      queue.signal();
      return log.interrupts;
    });
    expect(interrupts).toEqual([0, 0, 1, 1]);
  });
});

describe('in order (§2.7.9, §2.8.9)', () => {
  test.each(FORMATS)('%s: buffers go back as they came, however they are completed', (_, format) => {
    const { queue, driver } = filled(3, { features: { ...format, inOrder: true } });
    const [first, second, third] = popAll(queue);
    third!.complete();
    second!.complete(1);
    queue.signal();
    expect(driver.take()).toBeUndefined();
    first!.complete();
    queue.signal();
    const taken = [driver.take(), driver.take(), driver.take()];
    expect(taken.map((buffer) => buffer?.usedLength)).toEqual([0, 1, 0]);
    expect(queue.held).toBe(0);
  });
});

describe('a ring that goes on', () => {
  test.each([
    ['split', { packed: false }, 0xffff, { avail: 1, used: 0 }],
    ['packed', { packed: true }, 7 | 0x8000, { avail: 3, used: 1 }],
  ] as const)('%s: position tells where, from %4$s', (_, features, start, position) => {
    const { queue } = filled(2, { features, start });
    expect(queue.position).toEqual({ avail: start, used: start });
    const [first] = popAll(queue);
    first!.complete();
    expect(queue.position).toEqual(position);
  });

  test('split: used.idx is found in the ring when nobody says it', () => {
    const { ram, driver } = filled(1, { start: 0x1234 });
    const queue = new Virtqueue(ram.memory, { ...ALONE, places: driver.places, start: { avail: 0x1234 } });
    queue.pop()!.complete();
    queue.signal();
    expect(queue.position).toEqual({ avail: 0x1235, used: 0x1235 });
    expect(driver.take()).toBeDefined();
  });
});

describe('counters', () => {
  test('count kicks, chains, bytes and interrupts, where another thread can read them', () => {
    const shared = new SharedArrayBuffer(QueueCounters.BYTES);
    const counters = new QueueCounters(new Uint8Array(shared));
    const { queue } = filled(2, { counters });
    queue.kicked();
    for (const chain of popAll(queue)) {
      chain.write(Uint8Array.of(1));
      chain.complete();
    }
    queue.signal();
    const elsewhere = new QueueCounters(new Uint8Array(shared));
    expect(elsewhere.read()).toMatchObject({ kicks: 1, chains: 2, bytesRead: 2, bytesWritten: 2, interrupts: 1 });
  });

  test.each([
    [0.0004, 0],
    [0.0011, 1],
    [0.0039, 2],
    [0.004, 3],
    [1, 10],
    [3_600_000, 23],
  ])('kick-to-used: %d ms is in bucket %d', (milliseconds, bucket) => {
    const { queue, log } = filled(1);
    queue.kicked();
    log.now += milliseconds;
    queue.pop()!.complete();
    queue.signal();
    const { kickToUsed } = queue.counters.read();
    expect(kickToUsed.indexOf(1)).toBe(bucket);
    expect(kickToUsed.reduce((sum, count) => sum + count)).toBe(1);
  });

  test('kick-to-used: from the first kick to the first completion after it', () => {
    const { queue, log } = filled(2);
    queue.signal();
    queue.kicked();
    log.now += 1;
    queue.kicked();
    for (const chain of popAll(queue)) {
      chain.complete();
      queue.signal();
    }
    const { kickToUsed } = queue.counters.read();
    expect(kickToUsed[10]).toBe(1);
    expect(kickToUsed.reduce((sum, count) => sum + count)).toBe(1);
  });
});

describe('drop', () => {
  test('lets go of guest memory: nothing is popped, completed, asked for or signalled', () => {
    const { queue, driver, log, ram } = filled(3);
    const chain = queue.pop()!;
    queue.pop()!.complete();
    queue.signal();
    log.interrupts = 0;
    queue.drop();
    const before = ram.bytes.slice();
    chain.complete();
    queue.signal();
    queue.beginTurn(64);
    expect([queue.pop(), queue.hasWork(), queue.arm()]).toEqual([undefined, false, false]);
    expect(Buffer.compare(ram.bytes, before)).toBe(0);
    expect(log).toMatchObject({ interrupts: 0, starved: 0 });
    expect(driver.take()).toBeDefined();
    expect(driver.take()).toBeUndefined();
  });
});

describe('a queue that cannot be', () => {
  const { ram, driver } = queuePair();
  const places = driver.places;
  const create = (features: Partial<RingFeatures>, changes: Partial<QueuePlaces>) => () =>
    queuePair({ ram, features, places: { ...places, ...changes } });

  test.each([0, 3, 12, 65536])('split: %d entries', (size) => {
    expect(create({}, { size })).toThrow(GuestFault);
  });

  test.each([0, 32769])('packed: %d entries', (size) => {
    expect(create({ packed: true }, { size })).toThrow(GuestFault);
  });
});
