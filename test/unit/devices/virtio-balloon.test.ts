import { describe, expect, test } from 'vitest';
import { VIRTIO_ID_BALLOON } from '../../../src/abi/virtio.ts';
import {
  VIRTIO_BALLOON_F_DEFLATE_ON_OOM,
  VIRTIO_BALLOON_F_MUST_TELL_HOST,
  VIRTIO_BALLOON_F_PAGE_POISON,
  VIRTIO_BALLOON_F_REPORTING,
  VIRTIO_BALLOON_F_STATS_VQ,
  VIRTIO_BALLOON_S_AVAIL,
  VIRTIO_BALLOON_S_MEMFREE,
  virtio_balloon_config,
  virtio_balloon_stat,
} from '../../../src/abi/virtio-balloon.ts';
import { ConfigError, GuestFault } from '../../../src/base/errors.ts';
import { pack } from '../../../src/base/layout.ts';
import { KiB, MiB } from '../../../src/base/units.ts';
import { type BalloonOptions, type ReclaimableRam, VirtioBalloon } from '../../../src/devices/virtio-balloon.ts';
import { DeviceRig } from '../../support/device-rig.ts';
import { GuestRam, RAM_BASE } from '../../support/guest-ram.ts';
import { random } from '../../support/random.ts';

const [INFLATE, DEFLATE, STATS, REPORTING, SPEC_REPORTING] = [0, 1, 2, 3, 4] as const;
const PAGE = 4 * KiB;
/** Host pointers of this test: anything but guest addresses. */
const POINTER = 0x7f00_0000_0000;
const ALL: BalloonOptions = {
  target: 0,
  deflateOnOom: true,
  freePageReporting: true,
  statsIntervalMs: 0,
  queueSize: 128,
};
const FEATURES = {
  told: 1n << BigInt(VIRTIO_BALLOON_F_MUST_TELL_HOST),
  stats: 1n << BigInt(VIRTIO_BALLOON_F_STATS_VQ),
  oom: 1n << BigInt(VIRTIO_BALLOON_F_DEFLATE_ON_OOM),
  poison: 1n << BigInt(VIRTIO_BALLOON_F_PAGE_POISON),
  reporting: 1n << BigInt(VIRTIO_BALLOON_F_REPORTING),
};

class FakeRam implements ReclaimableRam {
  granule = PAGE;
  refusal: string | undefined;
  /** [offset in RAM, size] of each call. */
  readonly discarded: [number, number][] = [];

  canDiscard(): string | undefined {
    return this.refusal;
  }

  discard(pointer: number, size: number): void {
    this.discarded.push([pointer - POINTER, size]);
  }
}

function setUp({ granule = PAGE, refusal, ...options }: Partial<BalloonOptions & FakeRam> = {}) {
  const host = Object.assign(new FakeRam(), { granule, refusal });
  const ram = new GuestRam({ size: 4 * MiB, pointer: BigInt(POINTER) });
  const rig = new DeviceRig((world) => new VirtioBalloon(world, host, { ...ALL, ...options }), ram);
  const { device } = rig;
  const pages = (...offsets: number[]) =>
    new Uint8Array(Uint32Array.from(offsets, (offset) => (RAM_BASE + offset) / PAGE).buffer);
  const lend = (...offsets: number[]) => rig.send(INFLATE, { readable: [pages(...offsets)] });
  const takeBack = (...offsets: number[]) => rig.send(DEFLATE, { readable: [pages(...offsets)] });
  const report = (queue: number, ...pieces: [number, number][]) => {
    const segments = pieces.map(([offset, length]) => ({ address: RAM_BASE + offset, length, writable: true }));
    rig.drivers[queue]!.addSegments(segments);
    rig.drivers[queue]!.kick();
    rig.notify(queue);
    return rig.drivers[queue]!.take();
  };
  const field = (name: keyof typeof virtio_balloon_config.fields) =>
    device.config.view.getUint32(virtio_balloon_config.fields[name].offset, true);
  const write = (name: keyof typeof virtio_balloon_config.fields, value: number) =>
    device.writeConfig(virtio_balloon_config.fields[name].offset, new Uint8Array(Uint32Array.of(value).buffer));
  return { host, rig, device, pages, lend, takeBack, report, field, write };
}

describe('VirtioBalloon', () => {
  test('§5.5.3 feature bits are those of the config, and what the host can', () => {
    const { told, stats, oom, poison, reporting } = FEATURES;
    const { device } = setUp();
    expect(device.id).toBe(VIRTIO_ID_BALLOON);
    expect(device.features).toBe(told | stats | oom | poison | reporting);
    expect(setUp({ deflateOnOom: false, freePageReporting: false }).device.features).toBe(told | stats | poison);
    expect(setUp({ refusal: 'memory is pinned' }).device.features).toBe(told | stats | oom | poison);
  });

  test('§5.5.6 inflate: pages go back to the host before the buffer is used, neighbours in one call', () => {
    const { host, rig, lend } = setUp();
    rig.activate();
    // As Linux does: one buffer, the last page first.
    expect(lend(5 * PAGE, 4 * PAGE, 3 * PAGE, 9 * PAGE)).toHaveLength(0);
    expect(host.discarded).toEqual([
      [3 * PAGE, 3 * PAGE],
      [9 * PAGE, PAGE],
    ]);
    expect(rig.interrupts).toBe(1);
    expect(rig.device.counters()).toMatchObject({ inflatedPages: 4, givenBackBytes: 4 * PAGE });
  });

  test('§5.5.6 inflate: the first and last page of RAM, and the same page twice', () => {
    const { host, rig, lend } = setUp();
    rig.activate();
    lend(0, 4 * MiB - PAGE, 0);
    expect(host.discarded).toEqual([
      [0, PAGE],
      [4 * MiB - PAGE, PAGE],
    ]);
  });

  test('§5.5.6 deflate: is acknowledged, and the host does nothing', () => {
    const { host, rig, lend, takeBack } = setUp();
    rig.activate();
    lend(PAGE);
    host.discarded.length = 0;
    expect(takeBack(PAGE)).toHaveLength(0);
    expect(host.discarded).toEqual([]);
    expect(rig.device.counters()).toMatchObject({ deflatedPages: 1 });
  });

  test('16 KiB host pages: one goes back when the guest has lent all of it, in whatever order', () => {
    const { host, rig, lend } = setUp({ granule: 16 * KiB });
    rig.activate();
    lend(4 * PAGE, 6 * PAGE);
    lend(7 * PAGE);
    expect(host.discarded).toEqual([]);
    lend(5 * PAGE, 8 * PAGE);
    expect(host.discarded).toEqual([[4 * PAGE, 4 * PAGE]]);
  });

  test('16 KiB host pages: what the guest took back in between is not given away', () => {
    const { host, rig, lend, takeBack } = setUp({ granule: 16 * KiB });
    rig.activate();
    lend(0, PAGE, 2 * PAGE);
    takeBack(PAGE);
    lend(3 * PAGE);
    expect(host.discarded).toEqual([]);
    lend(PAGE);
    expect(host.discarded).toEqual([[0, 16 * KiB]]);
  });

  test('16 KiB host pages: a driver that does not tell (MUST_TELL_HOST) must lend them in one request', () => {
    const { host, rig, lend } = setUp({ granule: 16 * KiB });
    rig.activate({ features: 0n });
    lend(0, PAGE, 2 * PAGE);
    lend(3 * PAGE);
    expect(host.discarded).toEqual([]);
    lend(4 * PAGE, 5 * PAGE, 6 * PAGE, 7 * PAGE);
    expect(host.discarded).toEqual([[16 * KiB, 16 * KiB]]);
  });

  test('64 KiB host pages: all sixteen pages make one', () => {
    const { host, rig, lend } = setUp({ granule: 64 * KiB });
    rig.activate();
    lend(...Array.from({ length: 15 }, (_, page) => 64 * KiB + page * PAGE));
    expect(host.discarded).toEqual([]);
    lend(64 * KiB + 15 * PAGE);
    expect(host.discarded).toEqual([[64 * KiB, 64 * KiB]]);
  });

  test('a new driver starts with an empty balloon', () => {
    const { host, rig, lend, field, write } = setUp({ granule: 16 * KiB });
    rig.activate();
    lend(0, PAGE, 2 * PAGE);
    write('actual', 3);
    rig.reset();
    expect(field('actual')).toBe(0);
    rig.activate();
    lend(3 * PAGE);
    expect(host.discarded).toEqual([]);
  });

  test('§5.5.6.7 free page reporting: what is reported goes back, whole host pages of it', () => {
    const { host, rig, report } = setUp({ granule: 16 * KiB });
    rig.activate({ queues: [INFLATE, DEFLATE, STATS, REPORTING] });
    expect(report(REPORTING, [0, MiB], [2 * MiB + PAGE, 64 * KiB], [3 * MiB, 12 * KiB])?.usedLength).toBe(0);
    expect(host.discarded).toEqual([
      [0, MiB],
      [2 * MiB + 16 * KiB, 48 * KiB],
    ]);
    expect(rig.device.counters()).toMatchObject({ reportedBytes: MiB + 76 * KiB, givenBackBytes: MiB + 48 * KiB });
  });

  test('§5.5.2 reporting_vq is queue 4, or the first one free as in Linux', () => {
    const { stats, reporting } = FEATURES;
    for (const [queues, features, queue] of [
      [[INFLATE, DEFLATE, STATS, SPEC_REPORTING], stats | reporting, SPEC_REPORTING],
      [[INFLATE, DEFLATE, SPEC_REPORTING], reporting, SPEC_REPORTING],
      [[INFLATE, DEFLATE, STATS, REPORTING], stats | reporting, REPORTING],
      [[INFLATE, DEFLATE, STATS], reporting, STATS],
    ] as const) {
      const { host, rig, report } = setUp();
      rig.activate({ queues: [...queues], features });
      report(queue, [MiB, MiB]);
      expect(host.discarded).toEqual([[MiB, MiB]]);
    }
  });

  test('§5.5.6.6 page poison: reported pages keep it, unless it is zero', () => {
    const { host, rig, report, write } = setUp();
    write('poison_val', 0xaaaa_aaaa);
    rig.activate({ queues: [INFLATE, DEFLATE, STATS, REPORTING] });
    expect(report(REPORTING, [0, MiB])).toBeDefined();
    expect(host.discarded).toEqual([]);
    rig.reset();
    write('poison_val', 0);
    rig.activate({ queues: [INFLATE, DEFLATE, STATS, REPORTING] });
    report(REPORTING, [0, MiB]);
    expect(host.discarded).toEqual([[0, MiB]]);
  });

  test('§5.5.4 the driver writes actual and poison_val, and nothing else', () => {
    const { device, field } = setUp({ target: 8 * PAGE });
    device.writeConfig(0, new Uint8Array(16).fill(0xff));
    expect(
      ['num_pages', 'actual', 'free_page_hint_cmd_id', 'poison_val'].map((name) => field(name as 'actual')),
    ).toEqual([8, 0xffff_ffff, 0, 0xffff_ffff]);
  });

  test('action target: asks by num_pages, and says what the guest lends', () => {
    const { device, field, write } = setUp();
    const changes: number[] = [];
    device.config.onUpdate(() => changes.push(field('num_pages')));
    write('actual', 256);
    expect(device.actions['target']!.run('2M')).toBe('The guest shall lend 2 MiB; now it lends 1 MiB');
    expect(device.actions['target']!.run('0')).toContain('shall lend 0 bytes');
    expect(changes).toEqual([512, 0]);
  });

  test.each([
    [undefined, 'Expected the size that the balloon shall have, got nothing'],
    ['much', 'got "much": write for example target 256M'],
    ['5M', 'Cannot take 5 MiB from the guest: it has 4 MiB in all: lower the target'],
  ])('action target %s: %s', (value, message) => {
    const { device } = setUp();
    expect(() => device.actions['target']!.run(value)).toThrow(ConfigError);
    expect(() => device.actions['target']!.run(value)).toThrow(message);
  });

  test('while the host refuses: no target, and what is lent stays where it is', () => {
    const { host, device, rig, lend, report } = setUp();
    rig.activate({ queues: [INFLATE, DEFLATE, STATS, REPORTING] });
    host.refusal = 'a device of the host has it pinned';
    expect(() => device.actions['target']!.run('1M')).toThrow(
      'Cannot take 1 MiB from the guest: a device of the host has it pinned: set the target to 0',
    );
    expect(device.actions['target']!.run('0')).toContain('0 bytes');
    expect(lend(0)).toHaveLength(0);
    expect(report(REPORTING, [0, MiB])).toBeDefined();
    expect(host.discarded).toEqual([]);
    expect(() => setUp({ target: PAGE, refusal: 'it is pinned' })).toThrow('it is pinned');
  });

  describe('§5.5.6.3 statistics', () => {
    const entry = (tag: number, val: bigint) => [...pack(virtio_balloon_stat, { tag, val })];
    const ask = (device: VirtioBalloon) => JSON.parse(device.actions['stats']!.run(undefined));

    test('the buffer stays here until somebody asks, then the driver sends another', () => {
      const { rig, device, write } = setUp();
      rig.activate();
      expect(ask(device)).toEqual({ targetBytes: 0, actualBytes: 0 });
      const first = [
        ...entry(VIRTIO_BALLOON_S_AVAIL, 5n),
        ...entry(0xfff0, 1n),
        ...entry(VIRTIO_BALLOON_S_MEMFREE, 7n),
      ];
      expect(rig.send(STATS, { readable: [Uint8Array.from(first)] })).toBeUndefined();
      expect(rig.interrupts).toBe(0);
      rig.loop.advanceMs(40);
      write('actual', 2);
      const guest = { availableBytes: 5, freeBytes: 7 };
      expect(ask(device)).toEqual({ targetBytes: 0, actualBytes: 2 * PAGE, ageMs: 40, guest });
      expect(rig.interrupts).toBe(1);
      expect(rig.drivers[STATS]!.take()).toBeDefined();
      rig.send(STATS, { readable: [Uint8Array.from(entry(VIRTIO_BALLOON_S_AVAIL, 9n))] });
      expect(ask(device)).toMatchObject({ ageMs: 0, guest: { availableBytes: 9 } });
    });

    test('with an interval it is asked again and again, until a reset', () => {
      const { rig, device } = setUp({ statsIntervalMs: 1000 });
      rig.activate();
      rig.send(STATS, { readable: [Uint8Array.from(entry(VIRTIO_BALLOON_S_AVAIL, 1n))] });
      rig.loop.advanceMs(999);
      expect(rig.drivers[STATS]!.take()).toBeUndefined();
      rig.loop.advanceMs(1);
      expect(rig.drivers[STATS]!.take()).toBeDefined();
      rig.send(STATS, { readable: [Uint8Array.from(entry(VIRTIO_BALLOON_S_AVAIL, 2n))] });
      rig.loop.advanceMs(1000);
      expect(ask(device)).toMatchObject({ guest: { availableBytes: 2 } });
      rig.reset();
      expect(rig.loop.pending).toBe(0);
      expect(ask(device)).toMatchObject({ guest: { availableBytes: 2 } });
    });

    test('G32: a long buffer, an odd one and several of them are read as far as they mean something', () => {
      const { rig, device } = setUp();
      rig.activate();
      rig.send(STATS, { readable: [new Uint8Array(MiB / 2)] });
      rig.send(STATS, { readable: [Uint8Array.from([...entry(VIRTIO_BALLOON_S_AVAIL, 3n), 1, 2, 3])] });
      expect(ask(device).guest).toEqual({ availableBytes: 3 });
      rig.send(STATS, { readable: [], writable: [64] });
      expect(ask(device).guest).toEqual({});
    });
  });

  test('G32: pages that are not guest memory are a fault of the guest', () => {
    for (const offset of [-PAGE, 4 * MiB, 2 ** 40]) {
      const { rig, lend, takeBack } = setUp();
      rig.activate();
      expect(() => lend(0, offset)).toThrow(GuestFault);
      expect(() => takeBack(offset)).toThrow(GuestFault);
    }
  });

  test('G32: a request of 262,144 pages gives way to others, and does not outlive a reset', () => {
    const { host, rig } = setUp();
    rig.activate();
    const driver = rig.drivers[INFLATE]!;
    const segment = {
      address: rig.ram.put(new Uint8Array(Uint32Array.of(RAM_BASE / PAGE).buffer)),
      length: 4,
      writable: false,
    };
    const long = { address: rig.ram.allocate(MiB, PAGE), length: MiB, writable: false };
    new Uint32Array(rig.ram.bytes.buffer, long.address - RAM_BASE, MiB / 4).fill(RAM_BASE / PAGE + 1);
    driver.addSegments([long, segment]);
    driver.kick();
    rig.notify(INFLATE);
    expect(driver.take()).toBeUndefined();
    expect(rig.loop.settle()).toBeGreaterThan(10);
    expect(driver.take()).toBeDefined();
    expect(host.discarded.at(-1)).toEqual([0, PAGE]);

    driver.addSegments([long]);
    driver.kick();
    rig.notify(INFLATE);
    const count = host.discarded.length;
    rig.reset();
    rig.loop.settle();
    expect(host.discarded).toHaveLength(count);
  });

  test('G32: empty and crooked requests are acknowledged', () => {
    const { host, rig } = setUp();
    rig.activate({ queues: [INFLATE, DEFLATE, STATS, REPORTING] });
    for (const queue of [INFLATE, DEFLATE]) {
      expect(rig.send(queue, { writable: [8] })).toHaveLength(0);
      expect(rig.send(queue, { readable: [Uint8Array.of(1, 2, 3)] })).toHaveLength(0);
    }
    expect(rig.send(REPORTING, { readable: [Uint8Array.of(1)] })).toHaveLength(0);
    expect(host.discarded).toEqual([]);
  });

  test('G32: random requests: only a GuestFault comes out, and only whole host pages inside RAM go back', () => {
    const { below, seed } = random();
    const { host, rig } = setUp({ granule: 16 * KiB });
    for (let round = 0; round < 300; round++) {
      rig.reset();
      const mark = rig.ram.mark;
      rig.activate({ queues: [INFLATE, DEFLATE, STATS, REPORTING] });
      for (let request = 0; request < 8; request++) {
        const queue = below(4);
        const words = Uint32Array.from({ length: below(64) }, () => (RAM_BASE / PAGE + below(1030) - below(5)) >>> 0);
        const size = 1 + below(100_000);
        const at = { address: RAM_BASE + below(4 * MiB - size), length: size, writable: true };
        const driver = rig.drivers[queue]!;
        const readable = {
          address: rig.ram.put(new Uint8Array(words.buffer)),
          length: words.byteLength,
          writable: false,
        };
        driver.addSegments(queue === REPORTING ? [at] : [readable]);
        driver.kick();
        try {
          rig.notify(queue);
          rig.loop.settle();
          rig.device.actions['stats']!.run(undefined);
        } catch (error) {
          expect(error, `seed ${seed}`).toBeInstanceOf(GuestFault);
        }
      }
      rig.ram.release(mark);
    }
    expect(host.discarded.length).toBeGreaterThan(0);
    for (const [offset, size] of host.discarded) {
      expect([offset % (16 * KiB), size % (16 * KiB)], `seed ${seed}`).toEqual([0, 0]);
      expect(offset >= 0 && offset + size <= 4 * MiB, `seed ${seed}`).toBe(true);
    }
  });
});
