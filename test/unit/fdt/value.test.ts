import { expect, test } from 'vitest';
import { cellAt, cellsOf, encodeValue, isName, setCellAt, stringsOf } from '../../../src/fdt/value.ts';

const bytes = (...values: number[]) => Uint8Array.from(values);

test('encodeValue: true is empty, numbers are big-endian cells, bigints two of them', () => {
  expect(encodeValue(true)).toEqual(bytes());
  expect(encodeValue(0)).toEqual(bytes(0, 0, 0, 0));
  expect(encodeValue(0xffff_ffff)).toEqual(bytes(255, 255, 255, 255));
  expect(encodeValue(-1)).toEqual(bytes(255, 255, 255, 255));
  expect(encodeValue([1, 0x1_0000_0002n])).toEqual(bytes(0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2));
  expect(encodeValue((1n << 64n) - 1n)).toEqual(new Uint8Array(8).fill(255));
});

test('encodeValue: strings end in NUL and are UTF-8', () => {
  expect(encodeValue('')).toEqual(bytes(0));
  expect(encodeValue(['a%41', 'é\n'])).toEqual(bytes(0x61, 0x25, 0x34, 0x31, 0, 0xc3, 0xa9, 0x0a, 0));
  expect(encodeValue('💡')).toEqual(Uint8Array.from([...new TextEncoder().encode('💡'), 0]));
});

test.each([2 ** 32, -(2 ** 31) - 1, 1.5, 1n << 64n, -1n])(
  'encodeValue: %s fits no cell and is our own mistake',
  (value) => {
    expect(() => encodeValue(value)).toThrow(/Bug.*does not fit/);
  },
);

test('cellAt, setCellAt: any byte offset inside, nothing outside', () => {
  const value = bytes(0, 0, 0, 1, 2);
  expect(cellAt(value, 0)).toBe(1);
  expect(cellAt(value, 1)).toBe(0x102);
  expect(cellAt(value, 2)).toBeUndefined();
  expect(cellAt(value, -1)).toBeUndefined();
  setCellAt(value, 1, 0x01020304);
  expect(value).toEqual(bytes(0, 1, 2, 3, 4));
});

test('cellsOf: whole cells only', () => {
  expect(cellsOf(bytes(0, 0, 0, 1, 0, 0, 0, 2))).toEqual([1, 2]);
  expect(cellsOf(bytes())).toEqual([]);
  expect(cellsOf(bytes(1, 2, 3))).toBeUndefined();
});

test('stringsOf: printable and NUL-terminated, else undefined', () => {
  expect(stringsOf(encodeValue(['a', '', 'b c']))).toEqual(['a', '', 'b c']);
  expect(stringsOf(bytes())).toBeUndefined();
  expect(stringsOf(bytes(0x61))).toBeUndefined();
  expect(stringsOf(bytes(0x1f, 0))).toBeUndefined();
  expect(stringsOf(bytes(0x7f, 0))).toBeUndefined();
  expect(stringsOf(new Uint8Array(1 << 20))).toHaveLength(1 << 20);
});

test('isName: what dtc reads as a name', () => {
  expect(isName('#address-cells')).toBe(true);
  expect(isName('cpu@0,1')).toBe(true);
  expect(['', 'a/b', 'a b', 'é', 'a\n'].filter(isName)).toEqual([]);
});
