import { describe, expect, test } from 'vitest';
import { Pl061, Reg } from '../../../src/devices/pl061.ts';
import { FakeLine } from '../../support/fake-line.ts';
import { random } from '../../support/random.ts';

function setUp() {
  const line = new FakeLine();
  const gpio = new Pl061(line);
  const read = (register: number) => gpio.read(register, 4);
  const write = (register: number, value: number) => gpio.write(register, 4, value);
  /** Through GPIODATA with these pins in the address. */
  const data = (pins: number) => Reg.DATA + 4 * pins;
  return { line, gpio, read, write, data };
}

describe('Pl061', () => {
  test('§3.2 reset values: all pins are inputs, nothing is enabled', () => {
    const { read, data } = setUp();
    for (const register of Object.values(Reg)) expect(read(register)).toBe(0);
    expect(read(data(0xff))).toBe(0);
  });

  test('§3.3.1 GPIODATA: the address selects the pins that are written', () => {
    const { read, write, data } = setUp();
    write(Reg.DIR, 0xff);
    write(data(0xff), 0xa5);
    expect(read(data(0xff))).toBe(0xa5);
    write(data(0x0f), 0x5a);
    expect(read(data(0xff))).toBe(0xaa);
    write(data(0), 0xff);
    expect(read(data(0xff))).toBe(0xaa);
  });

  test('§3.3.1 GPIODATA: the address selects the pins that are read', () => {
    const { gpio, read, data } = setUp();
    for (let line = 0; line < 8; line++) gpio.setInput(line, true);
    for (const pins of [0, 1, 0x80, 0x3c, 0xff]) expect(read(data(pins))).toBe(pins);
  });

  test('§3.3.2 GPIODIR: an input reads the pin, an output what was written, also while it was an input', () => {
    const { gpio, read, write, data } = setUp();
    gpio.setInput(0, true);
    write(data(0xff), 0xf0);
    expect(read(data(0xff))).toBe(0x01);
    write(Reg.DIR, 0xf1);
    expect(read(data(0xff))).toBe(0xf0);
    write(Reg.DIR, 0);
    expect(read(data(0xff))).toBe(0x01);
  });

  test('§3.3.3–5 rising edge: latched until cleared', () => {
    const { line, gpio, read, write } = setUp();
    write(Reg.IEV, 0x08);
    write(Reg.IE, 0x08);
    gpio.setInput(3, true);
    gpio.setInput(3, false);
    expect([read(Reg.RIS), read(Reg.MIS), line.level]).toEqual([0x08, 0x08, true]);
    write(Reg.IC, 0xf7);
    expect(line.level).toBe(true);
    write(Reg.IC, 0x08);
    expect([read(Reg.RIS), line.level]).toEqual([0, false]);
    gpio.setInput(3, true);
    expect(line.level).toBe(true);
  });

  test('§3.3.5 falling edge: the rising one does not count', () => {
    const { gpio, read } = setUp();
    gpio.setInput(2, true);
    gpio.setInput(2, true);
    expect(read(Reg.RIS)).toBe(0);
    gpio.setInput(2, false);
    expect(read(Reg.RIS)).toBe(0x04);
  });

  test('§3.3.4 GPIOIBE: both edges count, whatever GPIOIEV says', () => {
    const { gpio, read, write } = setUp();
    write(Reg.IBE, 0x01);
    for (const level of [true, false, true]) {
      gpio.setInput(0, level);
      expect(read(Reg.RIS)).toBe(0x01);
      write(Reg.IC, 0x01);
      expect(read(Reg.RIS)).toBe(0);
    }
  });

  test('§3.3.3 level: follows the pin, and clearing does not help', () => {
    const { line, gpio, read, write } = setUp();
    write(Reg.IS, 0x03);
    write(Reg.IEV, 0x01);
    write(Reg.IE, 0x01);
    expect(read(Reg.RIS)).toBe(0x02);
    gpio.setInput(0, true);
    write(Reg.IC, 0xff);
    expect([read(Reg.RIS), read(Reg.MIS), line.level]).toEqual([0x03, 0x01, true]);
    gpio.setInput(1, true);
    gpio.setInput(0, false);
    expect([read(Reg.RIS), line.level]).toEqual([0, false]);
  });

  test('§3.3.6 GPIOIE: a masked interrupt is raw only, and comes when enabled', () => {
    const { line, gpio, read, write } = setUp();
    write(Reg.IEV, 0xff);
    gpio.setInput(7, true);
    expect([read(Reg.RIS), read(Reg.MIS), line.level]).toEqual([0x80, 0, false]);
    write(Reg.IE, 0x80);
    expect([read(Reg.MIS), line.level]).toEqual([0x80, true]);
  });

  test('registers: 8 bits, status ones cannot be written, clear reads 0', () => {
    const { read, write } = setUp();
    for (const register of [Reg.DIR, Reg.IS, Reg.IBE, Reg.IEV, Reg.IE, Reg.AFSEL]) {
      write(register, 0xffff_ff55);
      expect(read(register)).toBe(0x55);
    }
    write(Reg.IS, 0);
    for (const register of [Reg.RIS, Reg.MIS, Reg.IC]) {
      write(register, 0xff);
      expect(read(register)).toBe(0);
    }
    expect(read(0x424)).toBeUndefined();
  });

  test('reset: registers are 0, the pins stay as the world drives them', () => {
    const { line, gpio, read, write, data } = setUp();
    write(Reg.DIR, 0x0f);
    write(data(0xff), 0xff);
    write(Reg.IS, 0xf0);
    write(Reg.IE, 0xff);
    gpio.setInput(6, true);
    gpio.setInput(6, false);
    gpio.setInput(5, true);
    expect(line.level).toBe(true);
    gpio.reset();
    expect(line.level).toBe(false);
    for (const register of Object.values(Reg)) expect(read(register)).toBe(0);
    expect(read(data(0xff))).toBe(0x20);
    write(Reg.DIR, 0x0f);
    expect(read(data(0xff))).toBe(0x20);
  });

  test('property: after anything the guest and the world do, the line is the masked status and bits stay in range', () => {
    const { seed, below } = random();
    const { line, gpio, read, write } = setUp();
    for (let round = 0; round < 1000; round++) {
      if (below(3) === 0) gpio.setInput(below(8), below(2) === 1);
      else if (below(2)) gpio.write(below(0x440), 4, below(2 ** 32));
      else write(Reg.IC, below(256));
      const context = `seed ${seed}, round ${round}`;
      expect(read(Reg.MIS), context).toBe(read(Reg.RIS)! & read(Reg.IE)!);
      expect(line.level, context).toBe(read(Reg.MIS) !== 0);
      let seen = 0;
      for (let offset = 0; offset <= Reg.AFSEL; offset += 4) seen |= read(offset)!;
      expect(seen & ~0xff, context).toBe(0);
    }
  });
});
