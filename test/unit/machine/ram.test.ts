import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { EPERM } from '../../../src/abi/errno.ts';
import {
  F_GET_SEALS,
  F_SEAL_GROW,
  F_SEAL_SEAL,
  F_SEAL_SHRINK,
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
} from '../../../src/abi/libc.ts';
import { MiB } from '../../../src/base/units.ts';
import { parseConfig } from '../../../src/config/parse.ts';
import { fallocate } from '../../../src/host/file-io.ts';
import * as libc from '../../../src/host/libc.ts';
import { memoryAreaAt } from '../../../src/host/memory-area.ts';
import { checkAvailable, mapRam } from '../../../src/machine/ram.ts';

function configOf(devices: string, memory = '16M') {
  const text = `kernel: Image\nmemory: ${memory}\ndevices: ${devices}`;
  return parseConfig(text, { file: 'a.yaml', directory: '/', resolvePath: (path) => path });
}

const ramOf = (devices: string) => mapRam(configOf(devices), () => {});

test('mapRam: private memory that no descriptor leads to, as long as nobody else needs it', () => {
  using ram = ramOf('{ random: { type: rng } }');
  expect(ram.fd).toBeUndefined();
  expect(memoryAreaAt(Number(ram.mapping.pointer))).toMatchObject({ isShared: false });
});

test('mapRam: a memfd that can neither grow nor shrink, nor be sealed against writing, where a device has a back-end', () => {
  using ram = ramOf('{ adapter: { type: i2c, backend: /run/i2c.sock } }');
  const fd = ram.fd!.number;
  expect(libc.fcntl(fd, F_GET_SEALS, 0)).toBe(F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
  expect(memoryAreaAt(Number(ram.mapping.pointer))).toMatchObject({ isShared: true });
  expect(Number(ram.mapping.pointer) % (2 * MiB)).toBe(0);
  ram.mapping.view.setUint32(8 * MiB, 0x1234_5678, true);
  expect(readFileSync(`/proc/self/fd/${fd}`).readUInt32LE(8 * MiB)).toBe(0x1234_5678);
});

test('G34: nobody who has the memfd can take pages from under us: shorter it does not get, and a hole in it reads as zeros', () => {
  using ram = ramOf('{ adapter: { type: i2c, backend: /run/i2c.sock } }');
  const fd = ram.fd!.number;
  const { view } = ram.mapping;
  view.setUint32(4 * MiB, 0x1234_5678, true);
  expect([libc.ftruncate(fd, 4 * MiB), libc.errno()]).toEqual([-1, EPERM]);
  expect(view.getUint32(4 * MiB, true)).toBe(0x1234_5678);
  expect(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 16 * MiB)).toBe(0);
  expect(view.getUint32(4 * MiB, true)).toBe(0);
  view.setUint32(4 * MiB, 1, true);
  expect(view.getUint32(4 * MiB, true)).toBe(1);
});

describe('checkAvailable: on a host that has 100 MiB', () => {
  const POOLS =
    '{ a: { type: rng, backend: a.sock, memory: { size: 32M } }, b: { type: rng, backend: b.sock, memory: { size: 64M } } }';
  const complaints = (devices: string, memory: string) => {
    const warnings: string[] = [];
    checkAvailable(configOf(devices, memory), (message) => warnings.push(message), 100 * MiB);
    return warnings;
  };

  test.each([
    ['RAM that fits', '{}', '100M'],
    ['pools that fit, beside RAM from the pool of huge pages', POOLS, '{ size: 1G, hugepages: 2M, prefault: true }'],
  ])('%s: nothing is said', (_, devices, memory) => expect(complaints(devices, memory)).toEqual([]));

  test('RAM and pools that are too much together: a warning, since RAM is taken later', () => {
    expect(complaints(POOLS, '16M')).toEqual([
      'The guest may use 112 MiB of memory, but the host has 100 MiB available: when the guest touches more, the host kills processes',
    ]);
  });

  test.each([
    [
      'RAM with prefault',
      '{}',
      '{ size: 102M, prefault: true }',
      'Cannot take 102 MiB of memory for the guest at start',
      'memory.size',
    ],
    [
      'both',
      POOLS,
      '{ size: 16M, prefault: true }',
      'Cannot take 112 MiB of memory for the guest at start',
      'memory.size',
    ],
    ['pools', POOLS.replace('32M', '40M'), '16M', 'Cannot take 104 MiB for pools at start', 'devices.b.memory.size'],
  ])('%s, taken at start: refused', (_, devices, memory, sentence, keyPath) => {
    expect(() => complaints(devices, memory)).toThrow(
      expect.objectContaining({
        message: expect.stringContaining(`${sentence}: the host has 100 MiB available`),
        keyPath,
      }),
    );
  });
});
