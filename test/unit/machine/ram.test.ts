import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
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
import { mapRam } from '../../../src/machine/ram.ts';

function ramOf(devices: string) {
  const text = `kernel: Image\nmemory: 16M\ndevices: ${devices}`;
  return mapRam(parseConfig(text, { file: 'a.yaml', directory: '/', resolvePath: (path) => path }), () => {});
}

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
