import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../../src/base/errors.ts';
import { type AddressRange, contains, endOf, overlaps } from '../../../src/base/range.ts';
import { GiB, KiB, MiB } from '../../../src/base/units.ts';
import { entryState } from '../../../src/boot/entry-state.ts';
import type { ImageKernel, Kernel, RawKernel } from '../../../src/boot/image.ts';
import { type Placement, type PlacementRequest, place } from '../../../src/boot/placement.ts';

const RAM_BASE = 0x4000_0000;

function image(fields: Partial<ImageKernel> = {}): ImageKernel {
  return {
    kind: 'image',
    fileBytes: 9 * MiB,
    memoryBytes: 9.5 * MiB,
    memoryKnown: true,
    textOffset: 0,
    pageBytes: 4096,
    ...fields,
  };
}
const raw = (fileBytes: number): RawKernel => ({ kind: 'raw', fileBytes });

function request(kernel: Kernel, ramBytes: number, initrdBytes = 0, dtbBytesMax = 64 * KiB): PlacementRequest {
  return { ram: { base: RAM_BASE, size: ramBytes }, kernel, initrdBytes, dtbBytesMax };
}

function refusal(input: PlacementRequest): ConfigError {
  try {
    place(input);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return error as ConfigError;
  }
  throw new Error('was not refused');
}

describe('place', () => {
  it('packs an Image, the DTB and the initrd from the start of RAM', () => {
    expect(place(request(image(), 256 * MiB, 3_000_001))).toEqual({
      kernel: { base: RAM_BASE, size: 9.5 * MiB },
      entry: RAM_BASE,
      dtb: { base: RAM_BASE + 9.5 * MiB, size: 64 * KiB },
      initrd: { base: RAM_BASE + 9.5 * MiB + 64 * KiB, size: 3_000_001 },
    });
  });

  it('puts a DTB that would cross a 2 MiB boundary on the next one', () => {
    const memoryBytes = 10 * MiB - 64 * KiB;
    expect(place(request(image({ memoryBytes }), 64 * MiB)).dtb.base).toBe(RAM_BASE + memoryBytes);
    expect(place(request(image({ memoryBytes }), 64 * MiB, 0, 64 * KiB + 1)).dtb.base).toBe(RAM_BASE + 10 * MiB);
    expect(place(request(image({ memoryBytes: 10 * MiB }), 64 * MiB, 0, 2 * MiB)).dtb.base).toBe(RAM_BASE + 10 * MiB);
  });

  it('keeps text_offset from a 2 MiB aligned base, even when RAM does not start on one', () => {
    const ram = { base: 0x4010_0000, size: 64 * MiB };
    const placement = place({ ...request(image({ textOffset: 0x80000 }), 0), ram });
    expect(placement.entry).toBe(0x4028_0000);
  });

  it('puts what follows a raw binary where QEMU does: half of RAM away, at most 128 MiB', () => {
    const at = (ramBytes: number) => place(request(raw(4096), ramBytes));
    expect(at(GiB).kernel).toEqual({ base: RAM_BASE + 512 * KiB, size: 4096 });
    expect(at(GiB).dtb.base).toBe(RAM_BASE + 128 * MiB);
    expect(at(128 * MiB).dtb.base).toBe(RAM_BASE + 64 * MiB);
    expect(at(2 * MiB).dtb.base).toBe(RAM_BASE + MiB);
  });

  it('keeps far from a kernel of unknown size, but packs when that is the only way', () => {
    const kernel = image({ memoryKnown: false, memoryBytes: 9 * MiB, textOffset: 0x80000 });
    expect(place(request(kernel, 64 * MiB, 4 * MiB)).dtb.base).toBe(RAM_BASE + 32 * MiB);
    expect(place(request(kernel, 64 * MiB, 40 * MiB)).dtb.base).toBe(RAM_BASE + 9.5 * MiB);
  });

  it('says how much memory an initrd needs', () => {
    const error = refusal(request(image(), 32 * MiB, 40 * MiB));
    expect(error.keyPath).toBe('kernel.initrd');
    expect(error.message).toBe(
      'Cannot place the initrd: it is too large: its 40 MiB do not fit into 32 MiB of memory beside the kernel: give the guest at least 50 MiB of memory',
    );
    expect(place(request(image(), 50 * MiB, 40 * MiB)).initrd).toBeDefined();
    expect(() => place(request(image(), 49 * MiB, 40 * MiB))).toThrow('at least 50 MiB');
  });

  it('says how much memory a kernel needs', () => {
    const error = refusal(request(image(), 8 * MiB));
    expect(error.keyPath).toBe('memory');
    expect(error.message).toBe(
      'Cannot place the kernel: its 9.5 MiB do not fit into 8 MiB of memory: give the guest at least 10 MiB of memory',
    );
  });

  it('keeps the initrd within 32 GiB of the kernel’s gigabyte', () => {
    const error = refusal(request(image(), 64 * GiB, 32 * GiB));
    expect(error.message).toContain('ends more than 32 GiB above the kernel: give a smaller one');
    expect(place(request(image(), 64 * GiB, 31.9 * GiB)).initrd).toBeDefined();
  });

  it('refuses RAM beyond 48 bits', () => {
    const ram = { base: 2 ** 48 - 2 * MiB, size: GiB };
    expect(refusal({ ...request(image(), 0), ram }).keyPath).toBe('memory.base');
  });
});

describe('place: properties', () => {
  const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 31);
  let state = seed;
  const random = (limit: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
  const size = (bitsMax: number) => 1 + random(2 ** (1 + random(bitsMax)));
  const randomKernel = (): Kernel => {
    if (random(3) === 0) return raw(size(26));
    const fileBytes = 64 + size(26);
    const memoryKnown = random(4) > 0;
    const memoryBytes = memoryKnown ? fileBytes + size(24) : fileBytes;
    return image({ fileBytes, memoryBytes, memoryKnown, textOffset: random(2) * random(16) * 0x10000 });
  };
  const randomRequest = (): PlacementRequest => ({
    ram: { base: random(8) * 0x1000_0000 + random(3) * 0x10000, size: (1 + size(12)) * MiB },
    kernel: randomKernel(),
    initrdBytes: random(3) === 0 ? 0 : size(28),
    dtbBytesMax: Math.min(size(21), 2 * MiB),
  });

  it('obeys booting.rst whatever the sizes, or says a size that does', () => {
    console.log(`placement: SEED=${seed}`);
    let placed = 0;
    for (let round = 0; round < 1500; round++) {
      const input = randomRequest();
      try {
        check(place(input), input);
        placed++;
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        const enough = Number(/at least (\d+) MiB of memory$/.exec(error.message)![1]);
        const withRam = (mebibytes: number) => ({ ...input, ram: { base: input.ram.base, size: mebibytes * MiB } });
        expect(enough * MiB).toBeGreaterThan(input.ram.size);
        check(place(withRam(enough)), withRam(enough));
        expect(() => place(withRam(enough - 1))).toThrow(ConfigError);
      }
    }
    expect(placed).toBeGreaterThan(300);
  });

  function check(placement: Placement, { ram, kernel, initrdBytes, dtbBytesMax }: PlacementRequest): void {
    const { dtb, initrd } = placement;
    const ranges: AddressRange[] = initrd ? [placement.kernel, dtb, initrd] : [placement.kernel, dtb];
    for (const [index, range] of ranges.entries()) {
      expect(contains(ram, range)).toBe(true);
      for (const other of ranges.slice(index + 1)) expect(overlaps(range, other)).toBe(false);
    }
    expect(placement.entry).toBe(placement.kernel.base);
    if (kernel.kind === 'raw') expect(placement.entry).toBe(ram.base + 0x80000);
    else expect((placement.entry - kernel.textOffset) % (2 * MiB)).toBe(0);
    expect(placement.kernel.size).toBe(kernel.kind === 'raw' ? kernel.fileBytes : kernel.memoryBytes);
    expect(dtb.size).toBe(dtbBytesMax);
    expect(dtb.base % 8).toBe(0);
    expect(Math.floor(dtb.base / (2 * MiB))).toBe(Math.floor((endOf(dtb) - 1) / (2 * MiB)));
    expect(initrd?.size ?? 0).toBe(initrdBytes);
    if (initrd) expect(initrd.base % (64 * KiB)).toBe(0);
  }
});

describe('entryState', () => {
  it('enters at EL1h with all interrupts masked, x0 = DTB and x1…x3 = 0', () => {
    expect(entryState(0x4008_0000, 0x4800_0000)).toEqual([
      ['x0', 0x4800_0000n],
      ['x1', 0n],
      ['x2', 0n],
      ['x3', 0n],
      ['pc', 0x4008_0000n],
      ['pstate', 0x3c5n],
    ]);
  });
});
