/** On this host's clocks. Alarms are tested by waiting for them; that the wall clock is set, only where that may be done. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CLOCK_BOOTTIME, CLOCK_REALTIME } from '../../../src/abi/libc.ts';
import {
  VIRTIO_RTC_CLOCK_MONOTONIC,
  VIRTIO_RTC_CLOCK_TAI,
  VIRTIO_RTC_CLOCK_UTC_SMEARED,
} from '../../../src/abi/virtio-rtc.ts';
import { hostClocks } from '../../../src/backends/host-clocks.ts';
import { ConfigError } from '../../../src/base/errors.ts';
import { readClock, readUtc } from '../../../src/host/clock.ts';
import { GuestCounter } from '../../../src/io/guest-counter.ts';
import { EpollLoop } from '../../../src/io/io-loop.ts';

const MS = 1_000_000n;
const OPTIONS = { monotonic: true, tai: 'off', keyPath: 'devices.rtc0.tai' } as const;

let loop: EpollLoop;
beforeEach(() => {
  loop = new EpollLoop();
});
afterEach(() => loop[Symbol.dispose]());

/** Turns the loop for `ms`. */
function turnFor(ms: number): void {
  let isOver = false;
  loop.after(ms, () => {
    isOver = true;
  });
  while (!isOver) loop.turn();
}

describe('hostClocks', () => {
  test('UTC is the host’s, and the monotonic clock its time since boot', () => {
    const [utc, monotonic] = hostClocks(loop, undefined, OPTIONS);
    expect([utc!.type, monotonic!.type]).toEqual([VIRTIO_RTC_CLOCK_UTC_SMEARED, VIRTIO_RTC_CLOCK_MONOTONIC]);
    for (const [clock, id] of [
      [utc!, CLOCK_REALTIME],
      [monotonic!, CLOCK_BOOTTIME],
    ] as const) {
      const before = readClock(id);
      const reading = clock.now();
      expect(reading >= before && reading <= readClock(id)).toBe(true);
    }
    expect(Math.abs(Number(utc!.now() / MS) - Date.now())).toBeLessThan(100);
  });

  test('what the config leaves out is not there', () => {
    expect(hostClocks(loop, undefined, { ...OPTIONS, monotonic: false })).toHaveLength(1);
  });

  test('TAI is there where the host knows it, and demanded elsewhere it is the user’s mistake', () => {
    const knows = readUtc().taiOffset !== 0;
    const types = hostClocks(loop, undefined, { ...OPTIONS, tai: 'auto' }).map(({ type }) => type);
    expect(types.includes(VIRTIO_RTC_CLOCK_TAI)).toBe(knows);
    if (!knows) expect(() => hostClocks(loop, undefined, { ...OPTIONS, tai: 'on' })).toThrow(ConfigError);
  });

  test.each([0, 1])('alarm of clock %i: rings once at its time, not before', (index) => {
    const clock = hostClocks(loop, undefined, OPTIONS)[index]!;
    const at = clock.now() + 60n * MS;
    const rings: bigint[] = [];
    const cancel = clock.watch!(at, () => rings.push(clock.now()));
    turnFor(40);
    expect(rings).toEqual([]);
    turnFor(100);
    expect(rings).toHaveLength(1);
    expect(rings[0]! >= at).toBe(true);
    cancel();
  });

  test('alarm: one in the past waits until the clock comes there again; a cancelled one never rings', () => {
    const [utc] = hostClocks(loop, undefined, OPTIONS);
    let rings = 0;
    const past = utc!.watch!(utc!.now() - MS, () => rings++);
    utc!.watch!(utc!.now() + 10n * MS, () => rings++)();
    turnFor(40);
    expect(rings).toBe(0);
    past();
  });

  test('alarm: all times that a driver can ask for', () => {
    const clocks = hostClocks(loop, undefined, OPTIONS);
    for (const at of [0n, 1n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n]) {
      for (const clock of clocks) clock.watch!(at, () => {})();
    }
  });

  test('cross: the counter in the middle of the narrowest reading; nothing where nobody can tell', () => {
    // Readings of the counter before and after the clock, three times.
    const ticks = [100n, 180n, 200n, 210n, 300n, 390n];
    const [utc] = hostClocks(loop, () => ticks.shift(), OPTIONS);
    const before = readClock(CLOCK_REALTIME);
    const { reading, cycles } = utc!.cross!()!;
    expect(cycles).toBe(205n);
    expect(reading >= before && reading <= readClock(CLOCK_REALTIME)).toBe(true);
    expect(utc!.cross!()).toBeUndefined();
    expect(hostClocks(loop, undefined, OPTIONS)[0]!.cross).toBeUndefined();
  });
});

test('GuestCounter: unknown until the main thread says how far it lags', () => {
  const main = new GuestCounter();
  const worker = new GuestCounter(main.buffer);
  expect(worker.read()).toBeUndefined();
  main.setLag(5n);
  // On an Arm host it ticks from here on; elsewhere there is no such counter.
  if (process.arch === 'arm64') {
    const first = worker.read()!;
    expect(worker.read()! >= first).toBe(true);
    main.setLag(1_000_005n);
    expect(worker.read()! < first + 1_000_000n).toBe(true);
  } else expect(worker.read()).toBeUndefined();
  main.setLag(undefined);
  expect(worker.read()).toBeUndefined();
});
