import { expect, test } from 'vitest';
import { Reg, Scratch } from '../../../src/devices/scratch.ts';

test('Scratch: keeps what is written, and says what arrived', () => {
  const scratch = new Scratch();
  scratch.write64(8, 0x1122_3344_5566_7788n);
  expect(scratch.read(9, 2)).toBe(0x6677);
  scratch.write(0x7fff, 1, 0xaa);
  expect(scratch.read(Reg.COUNT, 4)).toBe(3);
  const records = [0, 1, 2].map((n) => [
    scratch.read64(Reg.RECORDS + 16 * n),
    scratch.read64(Reg.RECORDS + 16 * n + 8),
  ]);
  expect(records).toEqual([
    [0x0108_0000_0008n, 0x1122_3344_5566_7788n],
    [0x0002_0000_0009n, 0x6677n],
    [0x0101_0000_7fffn, 0xaan],
  ]);
  scratch.write(Reg.COUNT, 4, 0);
  expect(scratch.read64(Reg.COUNT)).toBe(0n);
});

test('Scratch: counts more accesses than it keeps, and has nothing behind its registers', () => {
  const scratch = new Scratch();
  for (let n = 0; n < 300; n++) scratch.write(0, 1, n % 256);
  expect(scratch.read64(Reg.COUNT)).toBe(300n);
  expect(scratch.read(Reg.RECORDS + 255 * 16 + 8, 1)).toBe(255);
  expect(scratch.read(Reg.RECORDS + 256 * 16, 4)).toBeUndefined();
  expect(scratch.read(0x8010, 4)).toBeUndefined();
  expect(scratch.write(Reg.RECORDS, 4, 1)).toBe(false);
  scratch.reset();
  expect(scratch.read(0, 4)).toBe(0);
});
