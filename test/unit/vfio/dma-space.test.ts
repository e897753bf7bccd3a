import { describe, expect, test } from 'vitest';
import { ConfigError, HostError } from '../../../src/base/errors.ts';
import { checkPinnable, checkReach } from '../../../src/vfio/dma-space.ts';

const MIB = 2 ** 20;
/** An SMMUv3's: it keeps 1 MiB for messages. */
const USABLE = [
  { base: 0, size: 0x0800_0000 },
  { base: 0x0810_0000, size: 2 ** 48 - 0x0810_0000 },
];
const memory = (base: number, size: number) => ({ name: 'RAM', range: { base, size }, pointer: 0n });

describe('checkReach', () => {
  test('takes what lies in one part', () => {
    checkReach(USABLE, memory(0x4000_0000, 512 * MIB));
    checkReach(USABLE, memory(0x0810_0000, MIB));
    checkReach(USABLE, memory(0, 0x0800_0000));
  });

  test.each([
    [0x0800_0000, MIB],
    [0x07f0_0000, 2 * MIB],
    [2 ** 48 - MIB, 2 * MIB],
  ])('refuses 0x%x', (base, size) => {
    expect(() => checkReach(USABLE, memory(base, size))).toThrow(ConfigError);
  });
});

describe('checkPinnable', () => {
  test('counts all of it against the limit, and says how to raise that', () => {
    const parts = [memory(0, 64 * MIB), memory(64 * MIB, 64 * MIB)];
    checkPinnable(parts, 128 * MIB);
    checkPinnable(parts, Number.POSITIVE_INFINITY);
    expect(() => checkPinnable(parts, 8 * MIB)).toThrow(
      new HostError(
        'Cannot pin the 128 MiB of memory that PCI devices shall reach: this user may lock 8 MiB: raise it ("ulimit -l 131072" as root, LimitMEMLOCK= in a systemd unit), or run as root',
      ),
    );
  });
});
