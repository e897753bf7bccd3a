import { describe, expect, test } from 'vitest';
import type { MmioDevice } from '../../../src/bus/mmio-device.ts';
import { Pl011 } from '../../../src/devices/pl011.ts';
import { Pl031 } from '../../../src/devices/pl031.ts';
import { Pl061 } from '../../../src/devices/pl061.ts';
import { PCELL_ID0, PERIPH_ID0, PrimeCell } from '../../../src/devices/prime-cell.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { FakeLine } from '../../support/fake-line.ts';

/** Two adjacent registers that keep what is written, and a gap. */
class TwoRegisters extends PrimeCell {
  readonly name = 'two';
  constructor() {
    super(0x1234_5678, [0x10, 0x14]);
  }
  protected writeRegister(offset: number, value: number): void {
    this.set(offset, value);
  }
}

function setUp(): TwoRegisters {
  const device = new TwoRegisters();
  device.write(0x10, 4, 0x4433_2211);
  device.write(0x14, 4, 0x8877_6655);
  return device;
}

/** The identification as Linux' AMBA bus reads it: four registers of which the low byte counts. */
function identification(device: MmioDevice, base: number): number {
  let id = 0;
  for (let i = 3; i >= 0; i--) id = id * 256 + device.read(base + 4 * i, 4)!;
  return id;
}

describe('PrimeCell', () => {
  test('read: narrow and unaligned reads see little-endian bytes', () => {
    const device = setUp();
    expect(device.read(0x10, 1)).toBe(0x11);
    expect(device.read(0x13, 1)).toBe(0x44);
    expect(device.read(0x12, 2)).toBe(0x4433);
    expect(device.read(0x14, 2)).toBe(0x6655);
    expect(device.read(0x13, 2)).toBe(0x5544);
    expect(device.read(0x11, 4)).toBe(0x5544_3322);
    expect(device.read(0x13, 4)).toBe(0x7766_5544);
  });

  test('read: no register is undefined, half a register beside a gap reads 0 there', () => {
    const device = setUp();
    expect(device.read(0x0c, 4)).toBeUndefined();
    expect(device.read(0x18, 1)).toBeUndefined();
    expect(device.read(0x1000, 4)).toBeUndefined();
    expect(device.read(0xfffd, 4)).toBeUndefined();
    expect(device.read(0x16, 4)).toBe(0x8877);
    expect(device.read(0x0e, 4)).toBe(0x2211_0000);
  });

  test('write: narrow writes clear the rest, unaligned ones are ignored', () => {
    const device = setUp();
    expect(device.write(0x10, 1, 0xff)).not.toBe(false);
    expect(device.read(0x10, 4)).toBe(0xff);
    expect(device.write(0x15, 2, 0xffff)).toBe(false);
    expect(device.read(0x14, 4)).toBe(0x8877_6655);
    expect(device.write(0x18, 4, 1)).toBe(false);
    expect(device.write(0x1000, 4, 1)).toBe(false);
  });

  test('identification: part, designer and revision that Linux and firmware match on, and the PrimeCell id', () => {
    const line = new FakeLine();
    const clock = new FakeClock();
    const devices: [MmioDevice, number][] = [
      [new Pl011(line, { write: () => {} }), 0x0014_1011],
      [new Pl031(clock, line), 0x0004_1031],
      [new Pl061(line), 0x0004_1061],
    ];
    for (const [device, id] of devices) {
      expect(identification(device, PERIPH_ID0), device.name).toBe(id);
      expect(identification(device, PCELL_ID0), device.name).toBe(0xb105_f00d);
      device.write(PERIPH_ID0, 4, 0);
      expect(identification(device, PERIPH_ID0), device.name).toBe(id);
    }
  });
});
