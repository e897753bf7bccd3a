import { describe, expect, test } from 'vitest';
import { alignDown, alignedAccessSize, alignUp, bit, bits, isAligned } from '../../../src/base/bits.ts';

test('bit: the highest one is positive', () => {
  expect([bit(0), bit(1), bit(30), bit(31)]).toEqual([1, 2, 0x4000_0000, 0x8000_0000]);
});

describe('bits', () => {
  test.each([
    { high: 0, low: 0, mask: 0x1 },
    { high: 6, low: 5, mask: 0x60 },
    { high: 30, low: 1, mask: 0x7fff_fffe },
    { high: 31, low: 31, mask: 0x8000_0000 },
    { high: 31, low: 0, mask: 0xffff_ffff },
  ])('$high:$low has mask $mask, and reads back what was set', ({ high, low, mask }) => {
    const field = bits(high, low);
    const largest = 2 ** (high - low + 1) - 1;
    expect(field.mask).toBe(mask);
    expect(field.get(0xffff_ffff)).toBe(largest);
    expect(field.set(0, largest)).toBe(mask);
    expect(field.get(field.set(0, largest))).toBe(largest);
  });

  test('set leaves its neighbours alone and drops what does not fit', () => {
    const field = bits(6, 5);
    expect(field.set(0xffff_ffff, 0)).toBe(0xffff_ff9f);
    expect(field.set(0, 0b111)).toBe(0x60);
  });
});

describe('alignment', () => {
  const PAGE = 4096;
  test.each([
    [0, 0, 0],
    [1, 0, PAGE],
    [PAGE - 1, 0, PAGE],
    [PAGE, PAGE, PAGE],
    [PAGE + 1, PAGE, 2 * PAGE],
    [2 ** 48 + 1, 2 ** 48, 2 ** 48 + PAGE],
  ])('%d lies between %d and %d', (value, down, up) => {
    expect([alignDown(value, PAGE), alignUp(value, PAGE)]).toEqual([down, up]);
    expect(isAligned(value, PAGE)).toBe(value === down);
  });
});

test('alignedAccessSize: as large as the address and what is left allow', () => {
  expect([alignedAccessSize(0, 8), alignedAccessSize(0, 7), alignedAccessSize(0, 1)]).toEqual([8, 4, 1]);
  expect([alignedAccessSize(4, 8), alignedAccessSize(6, 8), alignedAccessSize(7, 8)]).toEqual([4, 2, 1]);
});
