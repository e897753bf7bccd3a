import { describe, expect, test } from 'vitest';
import { ConfigSpace } from '../../../src/pci/config-space.ts';
import { Msi } from '../../../src/pci/msi.ts';
import type { MsiMessage, MsiSink } from '../../../src/pci/msi-vectors.ts';

const CAPABILITY = 0x50;
/** PCI Local Bus 3.0 §6.8.1, a capability with 64-bit addresses and masks. */
const Reg = { FLAGS: CAPABILITY + 2, LOW: CAPABILITY + 4, HIGH: CAPABILITY + 8, DATA: CAPABILITY + 12 } as const;
const Masks = { MASK: CAPABILITY + 16, PENDING: CAPABILITY + 20 } as const;
const ENABLE = 1;

function setUp(count = 4) {
  const space = new ConfigSpace({ vendorId: 1, deviceId: 2, classCode: 0 });
  const events: string[] = [];
  const pending = new Set<number>();
  const sink: MsiSink = {
    route: (vector, message) => events.push(`${vector} ${describeMessage(message)}`),
    isPending: (vector) => pending.has(vector),
    enabled: (isEnabled) => events.push(isEnabled ? 'on' : 'off'),
  };
  const msi = new Msi(space, { count, is64Bit: true, isMaskable: true, capability: CAPABILITY }, sink);
  const write = (offset: number, size: 1 | 2 | 4, value: number) => {
    space.write(offset, size, value);
    msi.written(offset, size);
    return events.splice(0);
  };
  const read = (offset: number, size: 1 | 2 | 4) => {
    msi.reading(offset, size);
    return space.read(offset, size);
  };
  return { space, msi, write, read, pending, events };
}

function describeMessage(message: MsiMessage | undefined): string {
  return message ? `0x${message.address.toString(16)}=${message.data}` : 'masked';
}

describe('Msi', () => {
  test('says what it can, and where it is', () => {
    const { space, read } = setUp();
    expect(space.read(0x34, 1)).toBe(CAPABILITY);
    expect(read(CAPABILITY, 1)).toBe(5);
    expect(read(Reg.FLAGS, 2)).toBe((2 << 1) | 0x80 | 0x100);
  });

  test('vectors differ in the low bits of one message, and the driver says how many it uses', () => {
    const { write } = setUp();
    write(Reg.LOW, 4, 0xfee0_0003);
    write(Reg.HIGH, 4, 0x12);
    write(Reg.DATA, 2, 0x0107);
    expect(write(Reg.FLAGS, 2, ENABLE | (1 << 4))).toEqual(['on', '0 0x12fee00000=262', '1 0x12fee00000=263']);
    expect(write(Reg.FLAGS, 2, 1 << 4)).toEqual(['0 masked', '1 masked', 'off']);
  });

  test('a masked vector shows what waits', () => {
    const { write, read, pending } = setUp();
    write(Reg.LOW, 4, 0x1000);
    write(Reg.FLAGS, 2, ENABLE | (2 << 4));
    expect(write(Masks.MASK, 4, 0b0100)).toEqual(['2 masked']);
    pending.add(2).add(1);
    expect(read(Masks.PENDING, 4)).toBe(0b0100);
    expect(write(Masks.MASK, 4, 0)).toEqual(['2 0x1000=2']);
    expect(read(Masks.PENDING, 4)).toBe(0);
  });

  test('reset: masked and off', () => {
    const { space, msi, write, events } = setUp(1);
    write(Reg.LOW, 4, 0x1000);
    write(Reg.FLAGS, 2, ENABLE);
    space.reset();
    msi.reset();
    expect(events).toEqual(['0 masked', 'off']);
  });
});
