import { expect, test } from 'vitest';
import { KiB } from '../../../src/base/units.ts';
import { MmioBus } from '../../../src/bus/mmio-bus.ts';
import { Scratch } from '../../../src/devices/scratch.ts';
import { Mapping } from '../../../src/host/mapping.ts';
import { SlotsAndBus } from '../../../src/machine/physical-space.ts';
import { MemorySlots, type SlotKind } from '../../../src/memory/slots.ts';

const SIZE = 64 * KiB;
const RAM = 0x4000_0000;
const ROM = 0x5000_0000;
const BAR = 0x6000_0000;
const DEVICE = 0x0b00_0000;

/** RAM, memory that is read-only, the pages of a device, and a device; whatever is written to one is told. */
function setup(mapping: Mapping) {
  const slots = new MemorySlots({ pageSize: 4 * KiB, ipaBits: 40 });
  const add = (kind: SlotKind, base: number, readOnly: boolean) =>
    slots.add({ kind, name: kind, range: { base, size: SIZE }, pointer: mapping.pointer, readOnly });
  add('ram', RAM, false);
  add('shm', ROM, true);
  add('bar', BAR, true);
  const bus = new MmioBus(() => {});
  bus.attach({ base: DEVICE, size: SIZE }, new Scratch());
  const written: number[] = [];
  return { space: new SlotsAndBus(slots, bus, (address) => void written.push(address)), written };
}

test('memory is read and written where there is a slot, up to its last byte', () => {
  using mapping = Mapping.create(SIZE, { what: 'a test' });
  const { space } = setup(mapping);
  expect(space.writeMemory(RAM + SIZE - 8, 8, 0x0123_4567_89ab_cdefn)).toBe(true);
  expect(space.readMemory(RAM + SIZE - 4, 4)).toBe(0x0123_4567n);
  expect(space.writeMemory(RAM + SIZE - 4, 8, 1n)).toBe(false);
  expect(space.readMemory(RAM - 1, 1)).toBeUndefined();
});

test('read-only memory is read and not written, and is no device', () => {
  using mapping = Mapping.create(SIZE, { what: 'a test' });
  const { space } = setup(mapping);
  mapping.view.setUint16(2, 0xabcd, true);
  expect(space.readMemory(ROM + 2, 2)).toBe(0xabcdn);
  expect(space.writeMemory(ROM + 2, 2, 0n)).toBe(false);
  expect([RAM, ROM, BAR, DEVICE].map((address) => space.isReadOnly(address))).toEqual([false, true, false, false]);
});

test('what shows a device is the device’s, and it is told of writes', () => {
  using mapping = Mapping.create(SIZE, { what: 'a test' });
  const { space, written } = setup(mapping);
  expect(space.readMemory(BAR, 4)).toBeUndefined();
  expect(space.readMemory(DEVICE, 4)).toBeUndefined();
  space.writeDevice(DEVICE + 16, 4, 7);
  expect([space.readDevice(DEVICE + 16, 4), written]).toEqual([7, [DEVICE + 16]]);
});
