/** src/vfio/bar-registers.ts: accesses by a mapping, cut where they are aligned. Memory stands in for a device; widths are seen in the nested test. */
import { expect, test } from 'vitest';
import { Mapping } from '../../../src/host/mapping.ts';
import { alignedParts, MappedRegisters } from '../../../src/vfio/bar-registers.ts';

const SIZES = [1, 2, 4, 8] as const;

test.each([
  [0x100, 8, '8@100'],
  [0x104, 8, '4@104 4@108'],
  [0x101, 4, '1@101 2@102 1@104'],
  [0x101, 8, '1@101 2@102 4@104 1@108'],
  [0x103, 2, '1@103 1@104'],
  [0x103, 1, '1@103'],
] as const)('alignedParts: at 0x%x, %i bytes', (offset, size, expected) => {
  const parts = alignedParts(offset, size).map((part) => `${part.size}@${part.offset.toString(16)}`);
  expect(parts.join(' ')).toBe(expected);
});

test('MappedRegisters: what is written is read, at every offset and width, and nothing beside it changes', () => {
  using mapping = Mapping.create(4096, { what: 'a test' });
  const registers = new MappedRegisters(mapping.pointer);
  for (const size of SIZES) {
    for (let offset = 16; offset < 32; offset++) {
      mapping.bytes.fill(0xee);
      const value = BigInt.asUintN(8 * size, 0x8877_6655_4433_2211n);
      expect(registers.write(offset, size, size === 8 ? value : Number(value))).toBe(true);
      expect(registers.read(offset, size)).toBe(value);
      const expected = Array.from({ length: 64 }, (_, at) =>
        at >= offset && at < offset + size ? 0x11 * (at - offset + 1) : 0xee,
      );
      expect([...mapping.bytes.subarray(0, 64)]).toEqual(expected);
    }
  }
});
