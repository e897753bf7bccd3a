/**
 * What a malicious driver may try on a ring, one test each, by the numbers of this project's list of attacks. Expected of
 * every one: a GuestFault, or a chain like any other; never another error, never an access
 * outside guest RAM, and work in proportion to the ring.
 */
import { describe, expect, test } from 'vitest';
import { VRING_DESC_F_INDIRECT, VRING_DESC_F_NEXT, VRING_DESC_F_WRITE } from '../../../src/abi/virtio.ts';
import { GuestFault } from '../../../src/base/errors.ts';
import { MiB } from '../../../src/base/units.ts';
import { Mapping } from '../../../src/host/mapping.ts';
import { GuestMemory } from '../../../src/memory/guest-memory.ts';
import { type DescriptorChain, IovecTable } from '../../../src/virtio/chain.ts';
import { Virtqueue } from '../../../src/virtio/queue.ts';
import type { QueuePlaces, RingFeatures, RingPosition } from '../../../src/virtio/ring.ts';
import { PLAIN } from '../../support/driver.ts';
import { GuestRam, RAM_BASE } from '../../support/guest-ram.ts';
import { startMutator } from '../../support/mutator.ts';
import { random } from '../../support/random.ts';

const NEXT = VRING_DESC_F_NEXT;
const WRITE = VRING_DESC_F_WRITE;
const INDIRECT = VRING_DESC_F_INDIRECT;
const AVAIL = 1 << 7;
const USED = 1 << 15;
const DATA = RAM_BASE + 0x8_0000;
const TABLE = RAM_BASE + 0x4_0000;

/** How many chains of a mad driver are enough, and how long we wait for them on a busy machine. */
const MUTATED_CHAINS = 2_000;
const MUTATION_MS_MAX = 3_000;

/** A descriptor as bytes may say it: split `next`, packed `id` in the last field. */
type Descriptor = readonly [address: bigint | number, length: number, flags: number, last?: number];

interface Attack {
  readonly size?: number;
  readonly features?: Partial<RingFeatures>;
  readonly places?: Partial<QueuePlaces>;
  readonly ram?: GuestRam;
}

/** A ring in hostile hands: every byte of it is written as the test says. */
function hostile({ size = 8, features = {}, places = {}, ram = new GuestRam() }: Attack = {}) {
  const all: QueuePlaces = {
    size,
    desc: RAM_BASE,
    driver: RAM_BASE + 0x2_0000,
    device: RAM_BASE + 0x3_0000,
    ...places,
  };
  const log = { interrupts: 0, starved: 0, spent: 0 };
  const host = {
    interrupt: () => void log.interrupts++,
    starved: () => void log.starved++,
    spent: () => void log.spent++,
    now: () => 0,
  };
  const create = (start?: RingPosition) =>
    new Virtqueue(ram.memory, { index: 0, places: all, features: { ...PLAIN, ...features }, host, start });
  const { view } = ram;
  const describeAt = (table: number, descriptors: readonly Descriptor[]) => {
    descriptors.forEach(([address, length, flags, last = 0], index) => {
      const at = table - RAM_BASE + 16 * index;
      view.setBigUint64(at, BigInt(address), true);
      view.setUint32(at + 8, length, true);
      const [flagsAt, lastAt] = features.packed && table === all.desc ? [14, 12] : [12, 14];
      view.setUint16(at + (features.packed ? 14 : flagsAt), flags, true);
      view.setUint16(at + (features.packed ? 12 : lastAt), last, true);
    });
  };
  return {
    ram,
    log,
    places: all,
    create,
    describeAt,
    /** Descriptors into the ring's table; in a packed ring they are available at once. */
    descriptors(...list: readonly Descriptor[]) {
      describeAt(
        all.desc,
        features.packed ? list.map(([address, length, flags, id]) => [address, length, flags | AVAIL, id ?? 0]) : list,
      );
    },
    /** Split: heads into the available ring, and its index. */
    available(heads: readonly number[], idx = heads.length) {
      heads.forEach((head, index) => {
        view.setUint16(all.driver - RAM_BASE + 4 + 2 * (index % size), head, true);
      });
      view.setUint16(all.driver - RAM_BASE + 2, idx, true);
    },
  };
}

function popAll(queue: Virtqueue): DescriptorChain[] {
  const chains: DescriptorChain[] = [];
  for (let chain = queue.pop(); chain; chain = queue.pop()) chains.push(chain);
  return chains;
}

/** One chain of these descriptors from entry 0, in both formats: `last` is only the split ring's. */
function chainOf(attack: Attack, ...list: readonly Descriptor[]) {
  const driver = hostile(attack);
  const isPacked = attack.features?.packed === true;
  driver.descriptors(...(isPacked ? list.map(([address, length, flags]) => [address, length, flags] as const) : list));
  if (!isPacked) driver.available([0]);
  return { ...driver, queue: driver.create() };
}

const FORMATS = [
  ['split', { packed: false, indirect: true }],
  ['packed', { packed: true, indirect: true }],
] as const;

describe('split rings', () => {
  test.each([
    ['itself', [[DATA, 1, NEXT, 0]]],
    [
      'the one before',
      [
        [DATA, 1, NEXT, 1],
        [DATA, 1, NEXT, 0],
      ],
    ],
    ['the first of all', Array.from({ length: 8 }, (_, index): Descriptor => [DATA, 1, NEXT, (index + 1) % 8])],
    ['itself, of no length', [[DATA, 0, NEXT, 0]]],
  ] as [string, Descriptor[]][])('G1: a descriptor whose next is %s', (_, list) => {
    expect(() => chainOf({}, ...list).queue.pop()).toThrow(GuestFault);
  });

  test('G1: an indirect table with a loop', () => {
    const { queue, describeAt } = chainOf({ features: { indirect: true } }, [TABLE, 32, INDIRECT]);
    describeAt(TABLE, [
      [DATA, 1, NEXT, 1],
      [DATA, 1, NEXT, 0],
    ]);
    expect(() => queue.pop()).toThrow(/loop/);
  });

  test('G2: a direct chain as long as the queue is fine; a longer one needs a loop', () => {
    const list = Array.from({ length: 8 }, (_, index): Descriptor => [DATA, 1, index < 7 ? NEXT : 0, index + 1]);
    expect(chainOf({}, ...list).queue.pop()?.readableLength).toBe(8);
  });

  test.each([8, 0xffff])('G3: head %d of 8', (head) => {
    const { create, available } = hostile();
    available([head]);
    expect(() => create().pop()).toThrow(GuestFault);
  });

  test.each([8, 0xffff])('G4: next %d of 8', (next) => {
    expect(() => chainOf({}, [DATA, 1, NEXT, next]).queue.pop()).toThrow(GuestFault);
  });

  test.each([2, 0xffff])('G4: next %d of an indirect table with 2 entries', (next) => {
    const { queue, describeAt } = chainOf({ features: { indirect: true } }, [TABLE, 32, INDIRECT]);
    describeAt(TABLE, [[DATA, 1, NEXT, next]]);
    expect(() => queue.pop()).toThrow(GuestFault);
  });

  test.each([9, 0x8000, 0xffff])('G5: an available index %d ahead of us, with 8 entries', (idx) => {
    const { create, available } = hostile();
    available([0], idx);
    expect(() => create().pop()).toThrow(GuestFault);
  });

  test('G6: an available index that goes backwards', () => {
    const { create, available, descriptors } = hostile();
    descriptors([DATA, 1, 0], [DATA, 1, 0]);
    available([0, 1]);
    const queue = create();
    expect(popAll(queue)).toHaveLength(2);
    available([], 1);
    expect(() => queue.pop()).toThrow(GuestFault);
  });

  test('G6: without end, buffers that the device still has: at most as many as the queue has entries', () => {
    const { create, available, descriptors } = hostile();
    descriptors([DATA, 1, 0]);
    available([0, 0, 0, 0, 0, 0, 0, 0]);
    const queue = create();
    expect(popAll(queue)).toHaveLength(8);
    available([0], 9);
    expect(() => queue.pop()).toThrow(GuestFault);
  });

  test('G16: flags of the available ring that nobody knows', () => {
    const { create, available, descriptors, ram, places, log } = hostile();
    descriptors([DATA, 1, 0]);
    available([0]);
    ram.view.setUint16(places.driver - RAM_BASE, 0xfffe, true);
    const queue = create();
    queue.pop()!.complete();
    queue.signal();
    expect(log.interrupts).toBe(1);
  });

  test('G17: all three areas at one place', () => {
    const { create, ram } = hostile({ places: { driver: RAM_BASE, device: RAM_BASE } });
    ram.view.setBigUint64(0, BigInt(RAM_BASE), true);
    ram.view.setUint16(2, 1, true);
    const queue = create();
    for (let round = 0; round < 100; round++) {
      try {
        queue.pop()?.complete();
        queue.signal();
        queue.arm();
      } catch (error) {
        expect(error).toBeInstanceOf(GuestFault);
      }
    }
  });

  test('G17: a buffer that lies over the rings: what a device writes changes the ring, and no more', () => {
    const { create, available, descriptors, places } = hostile();
    descriptors([places.driver, 64, WRITE], [RAM_BASE, 128, WRITE]);
    available([0, 1]);
    const queue = create();
    for (const chain of popAll(queue)) {
      chain.write(new Uint8Array(128).fill(0xff));
      chain.complete();
    }
    queue.signal();
    expect(() => popAll(queue)).toThrow(GuestFault);
  });

  test.each([0, 1, 7, 8, 0x7fff, 0x8000, 0xffff])('G25: the event %d', (event) => {
    const { create, available, descriptors, ram, places, log } = hostile({ features: { eventIdx: true } });
    descriptors([DATA, 1, 0]);
    available([0]);
    ram.view.setUint16(places.driver - RAM_BASE + 4 + 2 * 8, event, true);
    const queue = create();
    queue.pop()!.complete();
    queue.signal();
    expect(log.interrupts).toBe(event === 0 ? 1 : 0);
  });
});

describe.each(FORMATS)('%s: descriptors', (_, features) => {
  test.each([
    ['the address has 64 bits', 0xffff_ffff_ffff_f000n, 0x2000],
    ['the address has 53 bits, where doubles end', 2n ** 53n + 1n, 1],
    ['the address has 52 bits and more', 2n ** 52n, 1],
    ['the address is the last of 52 bits', 2n ** 52n - 1n, 2],
    ['the length has 32 bits', BigInt(DATA), 0xffff_ffff],
  ])('G7: %s', (__, address, length) => {
    expect(() => chainOf({ features }, [address, length, 0]).queue.pop()).toThrow(GuestFault);
    expect(() => chainOf({ features }, [address, length, WRITE]).queue.pop()).toThrow(GuestFault);
  });

  test.each([
    ['before RAM', RAM_BASE - 1, 1],
    ['half before RAM', RAM_BASE - 1, 2],
    ['half behind RAM', RAM_BASE + MiB - 1, 2],
    ['behind RAM', RAM_BASE + MiB, 1],
    ['in the device’s own registers', 0x0a00_0000, 4],
  ])('G8: a buffer that lies %s', (__, address, length) => {
    expect(() => chainOf({ features }, [address, length, WRITE]).queue.pop()).toThrow(GuestFault);
  });

  test('G8: the last byte of RAM is fine', () => {
    expect(chainOf({ features }, [RAM_BASE + MiB - 1, 1, WRITE]).queue.pop()?.writableLength).toBe(1);
  });

  test('G9: descriptors of no length, first, last, all, wherever they point', () => {
    const list: Descriptor[] = [
      [0, 0, NEXT, 1],
      [DATA, 2, NEXT, 2],
      [2n ** 51n, 0, NEXT | WRITE, 3],
      [DATA, 3, NEXT | WRITE, 4],
      [0, 0, WRITE],
    ];
    const chain = chainOf({ features }, ...list).queue.pop()!;
    expect([chain.readableLength, chain.writableLength]).toEqual([2, 3]);
    const empty = chainOf({ features }, [0, 0, 0]).queue.pop()!;
    expect([empty.read(new Uint8Array(4)), empty.write(new Uint8Array(4))]).toEqual([0, 0]);
    empty.complete();
  });

  test('G10: more than 4 GiB in one chain, all of it the same bytes', () => {
    // Only a large guest can say it: the buffer is 16 MiB here, and named 257 times.
    const ram = new GuestRam({ size: 32 * MiB });
    const { queue, describeAt } = chainOf({ features, ram }, [TABLE, 257 * 16, INDIRECT]);
    describeAt(
      TABLE,
      Array.from({ length: 257 }, (__, index) => [RAM_BASE, 16 * MiB, index < 256 ? NEXT | WRITE : WRITE, index + 1]),
    );
    expect(() => queue.pop()).toThrow(/4 GiB/);
  });

  test('G11: a readable descriptor after a writable one', () => {
    expect(() => chainOf({ features }, [DATA, 1, NEXT | WRITE, 1], [DATA, 1, 0]).queue.pop()).toThrow(GuestFault);
  });

  test('G16: flags of descriptors that nobody knows', () => {
    const unknown = features.packed ? 0x7f78 & ~AVAIL : 0xfff8;
    const chain = chainOf({ features }, [DATA, 1, unknown | NEXT, 1], [DATA, 2, unknown | WRITE]).queue.pop()!;
    expect([chain.readableLength, chain.writableLength]).toEqual([1, 2]);
  });
});

describe.each(FORMATS)('%s: what is the guest’s own, it may ruin', (_, features) => {
  test('G28: a device writes into its own ring, and into another ring', () => {
    const { create, descriptors, available, places, ram } = hostile({ features });
    const other = hostile({ features, ram, places: { desc: DATA, driver: DATA + 0x1000, device: DATA + 0x2000 } });
    const otherQueue = other.create();
    // The buffers are the device's and the driver's area, then the other queue's descriptors, one chain each.
    const targets = [places.device, places.driver, DATA];
    descriptors(...targets.map((address): Descriptor => [address, 128, WRITE]));
    if (!features.packed) available([0, 1, 2]);
    const queue = create();
    for (const chain of popAll(queue)) {
      chain.writeAt(0, new Uint8Array(128).fill(0xff));
      chain.complete(128);
      queue.signal();
    }
    for (const broken of [queue, otherQueue]) expect(() => popAll(broken)).toSatisfy(endsInOrder);
    expect(ram.at(DATA, 128)).toEqual(new Uint8Array(128).fill(0xff));
  });

  test('G28: the three areas of a ring in one place', () => {
    const { create, descriptors } = hostile({ features, places: { driver: RAM_BASE, device: RAM_BASE } });
    descriptors([DATA, 1, WRITE], [DATA, 1, WRITE], [DATA, 1, WRITE]);
    const queue = create();
    expect(() => {
      for (const chain of popAll(queue)) chain.complete(1);
      queue.signal();
    }).toSatisfy(endsInOrder);
  });
});

/** Returns, or says that it is the guest's fault. */
function endsInOrder(work: () => unknown): boolean {
  try {
    work();
    return true;
  } catch (error) {
    return error instanceof GuestFault;
  }
}

describe.each(FORMATS)('%s: indirect tables', (name, features) => {
  const entries = (count: number): Descriptor[] =>
    Array.from({ length: count }, (_, index) => [DATA, 1, index + 1 < count ? NEXT : 0, index + 1]);

  test.each([8, 1024])('G2: %d entries, though the queue has 8', (count) => {
    const { queue, describeAt } = chainOf({ features }, [TABLE, count * 16, INDIRECT]);
    describeAt(TABLE, entries(count));
    expect(queue.pop()?.readableLength).toBe(count);
  });

  test('G2: as many entries as a queue that has more than 1024', () => {
    const { queue, describeAt } = chainOf({ features, size: 2048 }, [TABLE, 2048 * 16, INDIRECT]);
    describeAt(TABLE, entries(2048));
    expect(queue.pop()?.readableLength).toBe(2048);
  });

  test('G2: 1025 entries are too many', () => {
    const { queue, describeAt } = chainOf({ features }, [TABLE, 1025 * 16, INDIRECT]);
    describeAt(TABLE, entries(1025));
    expect(() => queue.pop()).toThrow(GuestFault);
  });

  test.each([
    ['is empty', TABLE, 0],
    ['ends within a descriptor', TABLE, 17],
    ['is shorter than a descriptor', TABLE, 15],
    ['has 4 GiB', TABLE, 0xffff_fff0],
    ['lies outside RAM', 0x1000, 16],
    ['lies half outside RAM', RAM_BASE + MiB - 16, 32],
    ['lies beyond 52 bits', 2n ** 53n, 16],
  ])('G12: a table that %s', (_, address, length) => {
    expect(() => chainOf({ features }, [address, length, INDIRECT]).queue.pop()).toThrow(GuestFault);
  });

  test('G12: a table at any byte, the last ones of RAM too', () => {
    const table = RAM_BASE + MiB - 16;
    const { queue, describeAt } = chainOf({ features }, [table, 16, INDIRECT]);
    describeAt(table, entries(1));
    expect(queue.pop()?.readableLength).toBe(1);
  });

  test('G12: a table in a table', () => {
    const { queue, describeAt } = chainOf({ features }, [TABLE, 16, INDIRECT]);
    describeAt(TABLE, [[TABLE, 16, INDIRECT]]);
    expect(() => queue.pop()).toThrow(GuestFault);
  });

  test('G12: a table that is not the last', () => {
    const { queue, describeAt } = chainOf({ features }, [TABLE, 16, INDIRECT | NEXT, 1], [DATA, 1, 0]);
    describeAt(TABLE, entries(1));
    expect(() => queue.pop()).toThrow(GuestFault);
  });

  test('G12: a table that was not negotiated', () => {
    const { queue, describeAt } = chainOf({ features: { ...features, indirect: false } }, [TABLE, 16, INDIRECT]);
    describeAt(TABLE, entries(1));
    expect(() => queue.pop()).toThrow(GuestFault);
  });

  test(`${name}: direct descriptors before a table are allowed (§2.7.5.3.2)`, () => {
    const { queue, describeAt } = chainOf({ features }, [DATA, 5, NEXT, 1], [TABLE, 32, INDIRECT | WRITE]);
    describeAt(TABLE, [
      [DATA, 6, NEXT, 1],
      [DATA, 7, WRITE],
    ]);
    const chain = queue.pop()!;
    expect([chain.readableLength, chain.writableLength]).toEqual([11, 7]);
  });
});

describe('packed rings', () => {
  const packed = { packed: true };

  test('G1, G2: a chain that goes round the ring', () => {
    const list = Array.from({ length: 8 }, (): Descriptor => [DATA, 1, NEXT]);
    expect(() => chainOf({ features: packed }, ...list).queue.pop()).toThrow(GuestFault);
  });

  test('G30: a chain as long as the ring is fine', () => {
    const list = Array.from({ length: 8 }, (_, index): Descriptor => [DATA, 1, index < 7 ? NEXT : 0]);
    expect(chainOf({ features: packed }, ...list).queue.pop()?.readableLength).toBe(8);
  });

  test.each([
    ['of the other lap', USED],
    ['that are both set', AVAIL | USED],
    ['that are both clear', 0],
  ])('G30: wrap bits %s are no buffer', (_, flags) => {
    const { create, describeAt, places } = hostile({ features: packed });
    describeAt(places.desc, [[DATA, 1, flags]]);
    const queue = create();
    expect([queue.hasWork(), queue.pop()]).toEqual([false, undefined]);
  });

  test('G30: an id that is used twice, or larger than the ring, is only handed back', () => {
    const { create, descriptors, ram, places } = hostile({ features: packed });
    descriptors([DATA, 1, WRITE, 0xffff], [DATA, 1, WRITE, 0xffff]);
    const queue = create();
    const chains = popAll(queue);
    for (const chain of chains) chain.complete(1);
    expect(chains).toHaveLength(2);
    const ids = [0, 1].map((index) => ram.view.getUint16(places.desc - RAM_BASE + 16 * index + 12, true));
    expect(ids).toEqual([0xffff, 0xffff]);
  });

  test('G30: without end, buffers that the device still has: at most as many as the ring has entries', () => {
    const { create, descriptors, describeAt, places } = hostile({ features: packed, size: 4 });
    descriptors(...Array.from({ length: 4 }, (): Descriptor => [DATA, 1, 0]));
    const queue = create();
    expect(popAll(queue)).toHaveLength(4);
    describeAt(places.desc, [[DATA, 1, USED]]);
    expect(() => queue.pop()).toThrow(GuestFault);
  });

  test.each([0, 1, 2, 3, 0xffff])('G30: event flags %d, with an event beyond the ring', (flags) => {
    for (const eventIdx of [false, true]) {
      const { create, descriptors, ram, places, log } = hostile({ features: { packed: true, eventIdx } });
      descriptors([DATA, 1, 0]);
      ram.view.setUint16(places.driver - RAM_BASE, 0x7fff, true);
      ram.view.setUint16(places.driver - RAM_BASE + 2, flags, true);
      const queue = create();
      queue.pop()!.complete();
      queue.signal();
      expect(log.interrupts).toBe(flags === 1 || (flags === 2 && eventIdx) ? 0 : 1);
    }
  });

  test('G17: all three areas at one place', () => {
    const { create, descriptors } = hostile({
      features: { packed: true, eventIdx: true },
      places: { driver: RAM_BASE, device: RAM_BASE },
    });
    descriptors([DATA, 1, WRITE], [DATA, 1, WRITE]);
    const queue = create();
    for (let round = 0; round < 100; round++) {
      try {
        queue.pop()?.complete();
        queue.signal();
        queue.arm();
      } catch (error) {
        expect(error).toBeInstanceOf(GuestFault);
      }
    }
  });
});

describe.each(FORMATS)('%s: where rings lie', (_, features) => {
  const end = RAM_BASE + MiB;
  const alignments = features.packed ? { desc: 16, driver: 4, device: 4 } : { desc: 16, driver: 2, device: 4 };
  const sizes = features.packed ? { desc: 128, driver: 4, device: 4 } : { desc: 128, driver: 22, device: 70 };

  test.each(['desc', 'driver', 'device'] as const)('G18: %s', (area) => {
    const create = (address: number) => hostile({ features, places: { [area]: address } }).create;
    const last = Math.floor((end - sizes[area]) / alignments[area]) * alignments[area];
    expect(create(last)).not.toThrow();
    expect(create(last + alignments[area])).toThrow(GuestFault);
    expect(create(RAM_BASE + alignments[area] / 2)).toThrow(GuestFault);
    for (const address of [0, RAM_BASE - 16, end, 2 ** 52 - 16, 2 ** 53 - 16]) {
      expect(create(address), String(address)).toThrow(GuestFault);
    }
  });

  test.each(['desc', 'driver', 'device'] as const)('G18: %s in two regions of RAM that touch', (area) => {
    const regions = [RAM_BASE, RAM_BASE + MiB].map((base) => new GuestRam({ base }).memory.regions[0]!);
    const { places } = hostile();
    const options = {
      index: 0,
      features: { ...PLAIN, ...features },
      host: { interrupt() {}, starved() {}, spent() {}, now: () => 0 },
    };
    const create = (address: number) => () =>
      new Virtqueue(new GuestMemory(regions), { ...options, places: { ...places, [area]: address } });
    expect(create(RAM_BASE + MiB)).not.toThrow();
    if (sizes[area] > alignments[area]) expect(create(RAM_BASE + MiB - alignments[area])).toThrow(GuestFault);
  });
});

describe.each(FORMATS)('%s: G33: work in a turn', (_, features) => {
  test('64 chains of one byte are one turn of 64', () => {
    const { create, descriptors, available, log } = hostile({ features, size: 1024 });
    descriptors(...Array.from({ length: 1024 }, (): Descriptor => [DATA, 1, 0]));
    available(Array.from({ length: 1024 }, (__, index) => index));
    const queue = create();
    queue.beginTurn(64);
    expect(popAll(queue)).toHaveLength(64);
    expect(log.spent).toBe(1);
  });

  test('chains of 1024 descriptors of no length count for what they cost', () => {
    const { create, descriptors, available, describeAt, log } = hostile({ features, size: 64 });
    descriptors(...Array.from({ length: 64 }, (): Descriptor => [TABLE, 1024 * 16, INDIRECT]));
    available(Array.from({ length: 64 }, (__, index) => index));
    describeAt(
      TABLE,
      Array.from({ length: 1024 }, (__, index) => [0, 0, index < 1023 ? NEXT : 0, index + 1]),
    );
    const queue = create();
    queue.beginTurn(64);
    expect(popAll(queue).length).toBeLessThanOrEqual(2);
    expect(log.spent).toBe(1);
  });
});

describe.each(FORMATS)('%s: G13, G14', (_, features) => {
  test('a thread rewrites every descriptor meanwhile: what was checked is what is used', {
    timeout: 60_000,
  }, async () => {
    using mapping = Mapping.create(MiB, { what: 'the RAM of a test' });
    const ram = new GuestRam({ buffer: mapping.buffer, pointer: mapping.pointer });
    const { places, create } = hostile({ features, ram, size: 64 });
    const dice = random();
    const { seed } = dice;
    await using _mutator = await startMutator({
      pointer: mapping.pointer,
      size: MiB,
      base: RAM_BASE,
      seed,
      tables: [
        { address: places.desc, entries: 64 },
        ...[0, 1, 2].map((n) => ({ address: TABLE + 1024 * n, entries: 10 })),
      ],
      indices: [places.driver + 2],
    });
    const first = new IovecTable(4096);
    const second = new IovecTable(4096);
    // A split ring goes on where its index is by now, a packed one anywhere.
    const createAnywhere = () => {
      const idx = ram.view.getUint16(places.driver - RAM_BASE + 2, true) - 1;
      const start = features.packed ? dice.below(64) | (dice.below(2) << 15) : idx & 0xffff;
      return create({ avail: start, used: start });
    };
    let queue = createAnywhere();
    let chains = 0;
    const deadline = performance.now() + MUTATION_MS_MAX;
    while (chains < MUTATED_CHAINS && performance.now() < deadline) {
      try {
        queue.beginTurn(16);
        const chain = queue.pop();
        if (chain === undefined) {
          queue = createAnywhere();
          continue;
        }
        chains++;
        for (const table of [first, second]) {
          table.clear();
          chain.readableIovecs(table, 0, chain.readableLength);
          chain.writableIovecs(table, 0, chain.writableLength);
        }
        checkInside(first, mapping, seed);
        const used = 16 * first.count;
        const isSame = Buffer.compare(first.bytes.subarray(0, used), second.bytes.subarray(0, used)) === 0;
        if (!isSame || first.count !== second.count) expect.fail(`a chain changed in our hands, seed ${seed}`);
        chain.complete();
        queue.signal();
      } catch (error) {
        if (!(error instanceof GuestFault)) throw error;
        queue = createAnywhere();
      }
    }

    expect(chains, `seed ${seed}`).toBeGreaterThan(0);
  });
});

/** Every iovec names guest RAM, all of it. */
function checkInside(table: IovecTable, { pointer, size }: Mapping, seed: number): void {
  const view = new DataView(table.bytes.buffer);
  for (let entry = 0; entry < table.count; entry++) {
    const base = view.getBigUint64(16 * entry, true);
    const end = base + view.getBigUint64(16 * entry + 8, true);
    if (base < pointer || end > pointer + BigInt(size)) expect.fail(`${base} … ${end} is outside, seed ${seed}`);
  }
}
