import { expect, test } from 'vitest';
import { formatAddress, formatSize, GiB, KiB, MiB, TiB } from '../../../src/base/units.ts';

test.each([
  [0, '0 bytes'],
  [KiB - 1, '1023 bytes'],
  [KiB, '1 KiB'],
  [KiB + 512, '1.5 KiB'],
  [2 * MiB, '2 MiB'],
  [1.5 * GiB, '1.5 GiB'],
  [TiB, '1 TiB'],
])('formatSize(%d) is %s', (bytes, text) => {
  expect(formatSize(bytes)).toBe(text);
});

test.each<[number | bigint, string]>([
  [0, '0x0000_0000'],
  [0x4000_0000, '0x4000_0000'],
  [0xffff_ffff, '0xffff_ffff'],
  [2 ** 32, '0x0001_0000_0000'],
  [0xffff_8000_1234_5678n, '0xffff_8000_1234_5678'],
])('formatAddress(%d) is %s', (address, text) => {
  expect(formatAddress(address)).toBe(text);
});
