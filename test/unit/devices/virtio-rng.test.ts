import { expect, test } from 'vitest';
import { KiB } from '../../../src/base/units.ts';
import { VirtioRng } from '../../../src/devices/virtio-rng.ts';
import { RateLimit } from '../../../src/virtio/rate-limit.ts';
import { DeviceRig } from '../../support/device-rig.ts';

/** Entropy that can be told from what was there before: a 7, an 8, … */
function rigOf(bytesPerSecond = 0) {
  let next = 7;
  const entropy = {
    fill(bytes: Uint8Array): void {
      for (const index of bytes.keys()) bytes[index] = next++ % 256;
    },
  };
  const limit = { bytesPerSecond, requestsPerSecond: 0, burstBytes: 0, burstRequests: 0 };
  const rig = new DeviceRig(({ loop }) => new VirtioRng(entropy, new RateLimit(loop, limit), 64));
  rig.activate();
  return rig;
}

test('§5.4.6: a buffer is filled with entropy, and the next one with other', () => {
  const rig = rigOf();
  expect(rig.send(0, { writable: [4] })).toEqual(Uint8Array.of(7, 8, 9, 10));
  expect(rig.send(0, { writable: [1, 2] })).toEqual(Uint8Array.of(11, 12, 13));
  expect(rig.interrupts).toBe(2);
});

test('a buffer that is not for writing, or empty, is given back', () => {
  const rig = rigOf();
  expect(rig.send(0, { readable: [Uint8Array.of(1)] })).toEqual(new Uint8Array());
  expect(rig.send(0, { writable: [0] })).toEqual(new Uint8Array());
});

test('G10: what one request costs is bounded, however large its buffer', () => {
  const rig = rigOf();
  expect(rig.send(0, { writable: [100 * KiB, 100 * KiB] })).toHaveLength(64 * KiB);
});

test('the rate limit holds requests back until there are bytes for them again', () => {
  const rig = rigOf(1000);
  expect(rig.send(0, { writable: [300] })).toHaveLength(300);
  expect(rig.send(0, { writable: [1] })).toBeUndefined();
  rig.loop.advanceMs(150);
  expect(rig.drivers[0]!.take()).toBeUndefined();
  rig.loop.advanceMs(100);
  expect(rig.drivers[0]!.take()?.written()).toHaveLength(1);
});

test('a reset forgets what waits for the rate limit', () => {
  const rig = rigOf(1000);
  rig.send(0, { writable: [300] });
  rig.send(0, { writable: [1] });
  rig.reset();
  expect(rig.loop.pending).toBe(0);
  rig.activate();
  rig.loop.advanceMs(1000);
  expect(rig.send(0, { writable: [1] })).toHaveLength(1);
});
