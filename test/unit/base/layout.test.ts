import { describe, expect, test } from 'vitest';
import {
  bytes,
  pack,
  packInto,
  s8,
  s16,
  s32,
  s64,
  struct,
  u8,
  u16,
  u32,
  u64,
  unpack,
} from '../../../src/base/layout.ts';

const everything = struct(48, {
  a: u8(0),
  b: u16(2),
  c: u32(4),
  d: u64(8),
  e: s8(16),
  f: s16(18),
  g: s32(20),
  'h.nested': s64(24),
  i: bytes(32, 4),
});

describe('pack', () => {
  test('is little-endian, at the offsets given, zero elsewhere', () => {
    const packed = pack(everything, { b: 0x0102, c: 0x03040506, d: 0x0708090a0b0c0d0en });
    const expected = new Uint8Array(48);
    expected.set([2, 1], 2);
    expected.set([6, 5, 4, 3], 4);
    expected.set([0xe, 0xd, 0xc, 0xb, 0xa, 9, 8, 7], 8);
    expect(packed).toEqual(expected);
  });

  test.each([
    { a: 0, b: 0, c: 0, d: 0n, e: 0, f: 0, g: 0, 'h.nested': 0n },
    { a: 1, b: 1, c: 1, d: 1n, e: 1, f: 1, g: 1, 'h.nested': 1n },
    { a: 2 ** 8 - 1, b: 2 ** 16 - 1, c: 2 ** 32 - 1, d: 2n ** 64n - 1n, e: -1, f: -1, g: -1, 'h.nested': -1n },
    { e: -(2 ** 7), f: -(2 ** 15), g: -(2 ** 31), 'h.nested': -(2n ** 63n), a: 0, b: 0, c: 0, d: 0n },
    { e: 2 ** 7 - 1, f: 2 ** 15 - 1, g: 2 ** 31 - 1, 'h.nested': 2n ** 63n - 1n, a: 0, b: 0, c: 0, d: 0n },
  ])('unpack gives back %o', (values) => {
    expect(unpack(everything, pack(everything, values))).toEqual({ ...values, i: new Uint8Array(4) });
  });

  test('bytes may be shorter than their field, not longer', () => {
    expect(pack(everything, { i: Uint8Array.of(1, 2) }).subarray(32, 37)).toEqual(Uint8Array.of(1, 2, 0, 0, 0));
    expect(() => pack(everything, { i: new Uint8Array(5) })).toThrow('i holds 4 bytes, not 5');
  });
});

describe('packInto', () => {
  test('writes what is given and keeps the rest, also in the middle of a buffer', () => {
    const buffer = new Uint8Array(64).fill(0xaa);
    packInto(buffer.subarray(8), everything, { a: 1 });
    const expected = new Uint8Array(64).fill(0xaa);
    expected[8] = 1;
    expect(buffer).toEqual(expected);
  });
});

describe('unpack', () => {
  test('reads from the middle of a buffer; its bytes are copies', () => {
    const buffer = new Uint8Array(64);
    buffer.set(pack(everything, { c: 7, i: Uint8Array.of(1, 2, 3, 4) }), 16);
    const values = unpack(everything, buffer.subarray(16));
    buffer.fill(0);
    expect([values.c, values.i]).toEqual([7, Uint8Array.of(1, 2, 3, 4)]);
  });

  test('refuses a source that is too short', () => {
    expect(() => unpack(everything, new Uint8Array(31))).toThrow(RangeError);
  });
});
