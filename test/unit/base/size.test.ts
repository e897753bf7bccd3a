import { expect, test } from 'vitest';
import { parseSize, writeSize } from '../../../src/base/size.ts';
import { GiB, KiB, MiB, TiB } from '../../../src/base/units.ts';

test.each([
  ['0', 0],
  ['1', 1],
  ['4K', 4 * KiB],
  ['4KiB', 4 * KiB],
  ['512M', 512 * MiB],
  ['64GiB', 64 * GiB],
  ['1T', TiB],
  ['0x80000000', 0x80000000],
])('parseSize: %s is %i bytes', (text, bytes) => {
  expect(parseSize(text)).toBe(bytes);
});

test.each(['', 'M', '1.5G', '512m', '512MB', '512 M', '-1', '1Ki', '0x', '1e3', '4K\n'])(
  'parseSize: %j is no size',
  (text) => {
    expect(parseSize(text)).toBeUndefined();
  },
);

test.each([
  [0, '0'],
  [1023, '1023'],
  [1024, '1K'],
  [1536 * MiB, '1536M'],
  [2 * TiB, '2T'],
])('writeSize: %i bytes is %s', (bytes, text) => {
  expect(writeSize(bytes)).toBe(text);
  expect(parseSize(text)).toBe(bytes);
});
