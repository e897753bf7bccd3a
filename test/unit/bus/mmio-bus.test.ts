import { describe, expect, test } from 'vitest';
import { MmioBus } from '../../../src/bus/mmio-bus.ts';
import type { AccessSize, MmioDevice } from '../../../src/bus/mmio-device.ts';
import { random } from '../../support/random.ts';

/** Bytes that remember how they were accessed. */
class Memory implements MmioDevice {
  readonly name: string;
  readonly bytes: DataView;
  readonly accesses: string[] = [];

  constructor(name: string, size: number) {
    this.name = name;
    this.bytes = new DataView(new ArrayBuffer(size));
  }

  read(offset: number, size: AccessSize): number {
    this.accesses.push(`read ${offset} ${size}`);
    if (size === 1) return this.bytes.getUint8(offset);
    return size === 2 ? this.bytes.getUint16(offset, true) : this.bytes.getUint32(offset, true);
  }

  write(offset: number, size: AccessSize, value: number): void {
    this.accesses.push(`write ${offset} ${size} ${value}`);
    if (size === 1) this.bytes.setUint8(offset, value);
    else if (size === 2) this.bytes.setUint16(offset, value, true);
    else this.bytes.setUint32(offset, value, true);
  }
}

class WideMemory extends Memory {
  read64(offset: number): bigint {
    this.accesses.push(`read ${offset} 8`);
    return this.bytes.getBigUint64(offset, true);
  }

  write64(offset: number, value: bigint): void {
    this.accesses.push(`write ${offset} 8 ${value}`);
    this.bytes.setBigUint64(offset, value, true);
  }
}

function setUp() {
  const log: string[] = [];
  return { log, bus: new MmioBus((message) => log.push(message)) };
}

describe('MmioBus', () => {
  test('attach: an overlap is our bug, neighbours are not', () => {
    const { bus } = setUp();
    bus.attach({ base: 0x2000, size: 0x1000 }, new Memory('middle', 0x1000));
    bus.attach({ base: 0x1000, size: 0x1000 }, new Memory('below', 0x1000));
    bus.attach({ base: 0x3000, size: 0x1000 }, new Memory('above', 0x1000));
    for (const range of [
      { base: 0x2000, size: 0x1000 },
      { base: 0x2fff, size: 1 },
      { base: 0x0fff, size: 2 },
      { base: 0x3fff, size: 0x1000 },
      { base: 0, size: 0x10000 },
      { base: 0x2800, size: 8 },
    ])
      expect(() => bus.attach(range, new Memory('late', 8))).toThrow(/Bug in orko-vmm: late at .* overlaps/);
    expect(() => bus.attach({ base: 0x8000, size: 0 }, new Memory('empty', 8))).toThrow(/empty/);
  });

  test('read and write: each address finds its device, with the offset in it', () => {
    const { bus, log } = setUp();
    const devices = [5, 1, 3, 2, 4].map((page) => {
      const device = new Memory(`page ${page}`, 0x100);
      bus.attach({ base: page * 0x100, size: 0x100 }, device);
      return { page, device };
    });
    for (const { page } of devices) bus.write(page * 0x100 + 0xfc, 4, 0xffff_0000 + page);
    for (const { page, device } of devices) {
      expect(device.accesses).toEqual([`write 252 4 ${0xffff_0000 + page}`]);
      expect(bus.read(page * 0x100 + 0xfc, 4)).toBe(0xffff_0000 + page);
      expect(bus.read(page * 0x100 + 0xfe, 2)).toBe(0xffff);
      expect(bus.read(page * 0x100 + 0xfc, 1)).toBe(page);
    }
    expect(log).toEqual([]);
  });

  test('read and write: addresses above 32 bits', () => {
    const { bus } = setUp();
    const device = new Memory('high', 0x10);
    bus.attach({ base: 2 ** 52 - 0x10, size: 0x10 }, device);
    bus.write(2 ** 52 - 4, 4, 7);
    expect(bus.read(2 ** 52 - 4, 4)).toBe(7);
  });

  test('8 bytes: split, low half first, for a device that does not take them', () => {
    const { bus } = setUp();
    const device = new Memory('narrow', 0x10);
    bus.attach({ base: 0x1000, size: 0x10 }, device);
    bus.write(0x1008, 8, 0xfedc_ba98_7654_3210n);
    expect(bus.read(0x1008, 8)).toBe(0xfedc_ba98_7654_3210n);
    expect(device.accesses).toEqual([`write 8 4 ${0x7654_3210}`, `write 12 4 ${0xfedc_ba98}`, 'read 8 4', 'read 12 4']);
  });

  test('8 bytes: whole for a device that takes them', () => {
    const { bus } = setUp();
    const device = new WideMemory('wide', 0x10);
    bus.attach({ base: 0x1000, size: 0x10 }, device);
    bus.write(0x1000, 8, 0xfedc_ba98_7654_3210n);
    expect(bus.read(0x1000, 8)).toBe(0xfedc_ba98_7654_3210n);
    expect(device.accesses).toEqual(['write 0 8 18364758544493064720', 'read 0 8']);
  });

  test('an access over the edge of a device goes byte by byte, on either side', () => {
    const { bus } = setUp();
    const first = new Memory('first', 6);
    const second = new Memory('second', 0x10);
    bus.attach({ base: 0x1000, size: 6 }, first);
    bus.attach({ base: 0x1006, size: 0x10 }, second);
    bus.write(0x1004, 4, 0x44332211);
    expect(first.accesses).toEqual(['write 4 1 17', 'write 5 1 34']);
    expect(second.accesses).toEqual(['write 0 1 51', 'write 1 1 68']);
    expect(bus.read(0x1004, 4)).toBe(0x44332211);
    expect(bus.read(0x1002, 8)).toBe(0x4433_2211_0000n);
    // Begins before any device, and ends behind all of them.
    bus.write(0x0ffe, 4, 0xbbaa_0000);
    expect(bus.read(0x1000, 2)).toBe(0xbbaa);
    bus.write(0x1014, 8, 0x1111_1111_1111_1122n);
    expect(bus.read(0x1014, 8)).toBe(0x1122n);
  });

  test('nothing there: reads 0 in each size, and is logged once per place', () => {
    const { bus, log } = setUp();
    bus.attach({ base: 0x1000, size: 0x10 }, new Memory('only', 0x10));
    for (let i = 0; i < 3; i++) {
      expect(bus.read(0x0900_0000, 4)).toBe(0);
      expect(bus.read(0x2000, 8)).toBe(0n);
      expect(bus.read(0x1010, 1)).toBe(0);
      bus.write(0x0fff, 1, 255);
    }
    expect(log).toEqual([
      'Guest read of 4 bytes at 0x0900_0000, where there is no device: it reads 0',
      'Guest read of 8 bytes at 0x0000_2000, where there is no device: it reads 0',
      'Guest read of 1 byte at 0x0000_1010, where there is no device: it reads 0',
      'Guest write of 1 byte at 0x0000_0fff, where there is no device: ignored',
    ]);
  });

  test('a device without a register at the place: the same', () => {
    const { bus, log } = setUp();
    bus.attach({ base: 0x1000, size: 0x10 }, { name: 'hollow', read: () => undefined, write: () => false });
    expect(bus.read(0x1004, 4)).toBe(0);
    bus.write(0x1008, 4, 1);
    bus.write(0x1008, 4, 2);
    expect(log).toEqual([
      'Guest read of 4 bytes at 0x0000_1004, where hollow has no register: it reads 0',
      'Guest write of 4 bytes at 0x0000_1008, where hollow has no register: ignored',
    ]);
  });

  test('summarizeUnknownAccesses: silent unless there was more than 64 places or a repetition', () => {
    const { bus, log } = setUp();
    for (let i = 0; i < 63; i++) bus.read(4 * i, 4);
    bus.summarizeUnknownAccesses();
    expect(log.length).toBe(63);
    bus.read(4 * 63, 4);
    for (let i = 64; i < 1000; i++) bus.write(4 * i, 4, 0);
    bus.summarizeUnknownAccesses();
    expect(log.length).toBe(65);
    expect(log[64]).toBe(
      'Guest accesses where there is no device or register: 1000, of which 936 were not logged (each place once, at most 64 places)',
    );
  });

  test('property: any accesses to devices side by side are as to one memory', () => {
    const { seed, below, pick } = random();
    const { bus } = setUp();
    const model = new DataView(new ArrayBuffer(64));
    for (let base = 8; base < 48; ) {
      const size = 1 + below(8);
      const device = below(2) ? new Memory(`m${base}`, size) : new WideMemory(`w${base}`, size);
      bus.attach({ base, size }, device);
      base += size + (below(3) === 0 ? 2 : 0);
    }
    // The gaps read 0: find them through the bus once, then leave them alone.
    for (let i = 0; i < 64; i++) {
      bus.write(i, 1, 0xff);
      model.setUint8(i, bus.read(i, 1));
    }
    const isMapped = (address: number) => mapped[address]!;
    const mapped = Array.from({ length: 64 }, (_, i) => model.getUint8(i) === 0xff);
    for (let round = 0; round < 2000; round++) {
      const size = pick([1, 2, 4, 8] as const);
      const address = below(64 - size + 1);
      const value = (BigInt(below(2 ** 32)) << 32n) | BigInt(below(2 ** 32));
      const part = BigInt.asUintN(8 * size, value);
      bus.write(address, size, size === 8 ? part : Number(part));
      let expected = 0n;
      for (let i = 0; i < size; i++) {
        const byte = Number((value >> BigInt(8 * i)) & 0xffn);
        if (isMapped(address + i)) expected |= BigInt(byte) << BigInt(8 * i);
      }
      expect(BigInt(bus.read(address, size)), `seed ${seed}, round ${round}`).toBe(expected);
    }
  });
});
