import { describe, expect, test } from 'vitest';
import { contains, endOf, formatRange, overlaps } from '../../../src/base/range.ts';

const range = { base: 0x1000, size: 0x1000 };

describe('overlaps: the end is not part of a range', () => {
  test.each([
    { base: 0x0, size: 0xfff, expected: false },
    { base: 0x0, size: 0x1000, expected: false },
    { base: 0x0, size: 0x1001, expected: true },
    { base: 0x1000, size: 0x1000, expected: true },
    { base: 0x1800, size: 1, expected: true },
    { base: 0x1fff, size: 0x1000, expected: true },
    { base: 0x2000, size: 1, expected: false },
  ])('$base + $size: $expected', ({ base, size, expected }) => {
    expect(overlaps(range, { base, size })).toBe(expected);
    expect(overlaps({ base, size }, range)).toBe(expected);
  });
});

describe('contains', () => {
  test.each([
    { base: 0x1000, size: 0x1000, expected: true },
    { base: 0x1000, size: 0x1001, expected: false },
    { base: 0xfff, size: 1, expected: false },
    { base: 0x1fff, size: 1, expected: true },
    { base: 0x1fff, size: 2, expected: false },
    { base: 0x2000, size: 1, expected: false },
  ])('$base + $size: $expected', ({ base, size, expected }) => {
    expect(contains(range, { base, size })).toBe(expected);
  });
});

test('ranges beyond 32 bits keep every byte', () => {
  const high = { base: 2 ** 51, size: 2 ** 51 };
  expect(endOf(high)).toBe(2 ** 52);
  expect(overlaps(high, { base: 2 ** 52 - 1, size: 1 })).toBe(true);
  expect(overlaps(high, { base: 2 ** 52, size: 1 })).toBe(false);
});

test('formatRange names the last address', () => {
  expect(formatRange({ base: 0x4000_0000, size: 0x2000_0000 })).toBe('0x4000_0000–0x5fff_ffff');
});
