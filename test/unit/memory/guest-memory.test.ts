import { describe, expect, test } from 'vitest';
import { GuestFault } from '../../../src/base/errors.ts';
import { GuestMemory } from '../../../src/memory/guest-memory.ts';
import { Segments } from '../../../src/virtio/segments.ts';

const LOW = 0x4000_0000;
/** Beyond 32 bits, so that shifts and masks would lose it. */
const HIGH = 0x8_0000_0000;
const SIZE = 0x1000;

function setup() {
  const regions = [LOW, LOW + SIZE, HIGH].map((base, index) => ({
    range: { base, size: SIZE },
    buffer: new ArrayBuffer(SIZE),
    pointer: 0x7f00_0000_0000n + BigInt(index * 0x10_0000),
  }));
  return { regions, memory: new GuestMemory(regions) };
}

describe('GuestMemory', () => {
  test('bytes, view, pointer: the same place, shared', () => {
    const { memory, regions } = setup();
    memory.bytes(HIGH + 8, 4).set([1, 2, 3, 4]);
    expect(memory.view(HIGH + 8, 4).getUint32(0, true)).toBe(0x0403_0201);
    expect(new Uint8Array(regions[2]!.buffer, 8, 4)).toEqual(Uint8Array.of(1, 2, 3, 4));
    expect(memory.pointer(HIGH + 8, 4)).toBe(0x7f00_0020_0008n);
  });

  test.each([
    ['before', LOW - 1, 1],
    ['over the end', HIGH + SIZE - 1, 2],
    ['after', HIGH + SIZE, 1],
    ['in two regions, though they touch', LOW + SIZE - 1, 2],
    ['up to 2^53', HIGH, 2 ** 53],
  ])('what lies %s is no guest memory', (_, address, size) => {
    const { memory } = setup();
    expect(memory.regionOf(address, size)).toBe(-1);
    expect(() => memory.bytes(address, size)).toThrow(GuestFault);
    expect(() => memory.view(address, size)).toThrow(GuestFault);
    expect(() => memory.pointer(address, size)).toThrow(GuestFault);
  });

  test.each([
    [LOW, SIZE, 0, 0],
    [LOW + SIZE, 1, 1, 0],
    [HIGH + SIZE - 1, 1, 2, SIZE - 1],
  ])('regionOf, offsetIn, pointerIn: %d of %d bytes', (address, size, region, offset) => {
    const { memory, regions } = setup();
    expect(memory.regionOf(address, size)).toBe(region);
    expect(memory.offsetIn(region, address)).toBe(offset);
    expect(memory.pointerIn(region, offset)).toBe(Number(regions[region]!.pointer) + offset);
    expect(memory.blocks[region]!.buffer).toBe(regions[region]!.buffer);
  });
});

test('replaceRegions: what is added changes nothing for others; what was before is not any more', () => {
  const { memory, regions } = setup();
  const segments = new Segments(memory, 'writable');
  segments.add(Uint32Array.of(LOW + SIZE, 0, 8), 0);
  const more = { ...regions[0]!, range: { base: 2 * LOW, size: SIZE }, buffer: new ArrayBuffer(SIZE) };
  memory.replaceRegions([...regions, more]);
  segments.copyFrom(new Uint8Array(8).fill(9));
  expect(new Uint8Array(regions[1]!.buffer, 0, 8)).toEqual(new Uint8Array(8).fill(9));
  expect(memory.regionOf(2 * LOW, SIZE)).toBe(3);
  memory.replaceRegions([more]);
  expect(memory.regionOf(LOW, 1)).toBe(-1);
  expect(new Segments(memory, 'writable').add(Uint32Array.of(LOW, 0, 8), 0)).toBe(false);
});

describe('windows', () => {
  const RAM = { base: 0x4000_0000, size: 4096 };
  const region = (base: number, byte: number) => ({
    range: { base, size: 4096 },
    buffer: new Uint8Array(4096).fill(byte).buffer,
    pointer: BigInt(base) + 0x1_0000_0000n,
  });
  const memory = new GuestMemory([region(RAM.base, 1)]);
  memory.addWindow(region(0x9000_0000, 3), { readOnly: true });
  memory.addWindow(region(0x8000_0000, 2), { readOnly: false });
  /** Words of a descriptor. */
  const descriptor = (address: number, length = 16) => Uint32Array.of(address, 0, length);

  test('a buffer for reading may lie in any of them', () => {
    for (const [address, byte] of [
      [RAM.base, 1],
      [0x8000_0000, 2],
      [0x9000_0000, 3],
    ] as const) {
      const segments = new Segments(memory, 'readable');
      expect(segments.add(descriptor(address), 0)).toBe(true);
      const bytes = new Uint8Array(16);
      segments.copyTo(bytes);
      expect(bytes[15]).toBe(byte);
    }
  });

  test('G29: a buffer for writing does not lie in one that is read-only', () => {
    const segments = new Segments(memory, 'writable');
    expect(segments.add(descriptor(0x8000_0000), 0)).toBe(true);
    expect(segments.add(descriptor(0x9000_0000), 0)).toBe(false);
    expect(segments.add(descriptor(0x8000_0ff8), 0)).toBe(false);
  });

  test('rings and whatever else is trusted to stay lie in RAM alone', () => {
    expect(memory.regionOf(RAM.base, 16)).toBe(0);
    expect(memory.regionOf(0x8000_0000, 16)).toBe(-1);
    expect(() => memory.bytes(0x8000_0000, 16)).toThrow(GuestFault);
    expect(memory.regions).toHaveLength(1);
  });
});

test('GuestMemory: what is said of an address elsewhere is for whoever has this memory', () => {
  const pool = new GuestMemory(setup().regions, 'lie outside of pool disk');
  expect(() => pool.bytes(0x8000_0000, 16)).toThrow('16 bytes at 0x8000_0000 lie outside of pool disk');
});
