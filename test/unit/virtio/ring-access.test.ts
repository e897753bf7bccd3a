import { describe, expect, test } from 'vitest';
import { GuestFault } from '../../../src/base/errors.ts';
import { GuestMemory } from '../../../src/memory/guest-memory.ts';
import { RingAccess } from '../../../src/virtio/ring-access.ts';

const BASE = 0x4000_0000;
const SIZE = 8;
const AVAIL = BASE + 0x100;
const USED = BASE + 0x200;

function setup() {
  const buffer = new ArrayBuffer(0x1000);
  const memory = new GuestMemory([{ range: { base: BASE, size: buffer.byteLength }, buffer, pointer: 0n }]);
  const access = new RingAccess(memory, { size: SIZE, avail: AVAIL, used: USED });
  return { memory, access, view: new DataView(buffer) };
}

describe('RingAccess', () => {
  test('reads the words of the driver where the specification puts them', () => {
    const { access, view } = setup();
    view.setUint16(0x100, 1, true);
    view.setUint16(0x102, 0xffff, true);
    view.setUint16(0x100 + 4 + 2 * SIZE, 0x1234, true);
    expect([access.loadAvailFlags(), access.loadAvailIdx(), access.loadUsedEvent()]).toEqual([1, 0xffff, 0x1234]);
  });

  test('writes the words of the device where the specification puts them, modulo 2^16', () => {
    const { access, view } = setup();
    access.storeUsedFlags(1);
    access.storeUsedIdx(0x1_0003);
    access.storeAvailEvent(0xabcd);
    const written = [0x200, 0x202, 0x200 + 4 + 8 * SIZE].map((offset) => view.getUint16(offset, true));
    expect(written).toEqual([1, 3, 0xabcd]);
  });

  test.each([
    ['avail', { avail: BASE + 0x1000 - 4 - 2 * SIZE, used: USED }],
    ['used', { avail: AVAIL, used: BASE + 0x1000 - 4 - 8 * SIZE }],
  ])('%s: a ring whose event field is not guest memory is a GuestFault', (_, places) => {
    const { memory } = setup();
    expect(() => new RingAccess(memory, { size: SIZE, ...places })).toThrow(GuestFault);
  });

  test('rings that end with guest memory are fine', () => {
    const { memory } = setup();
    const places = { size: SIZE, avail: BASE + 0x1000 - 6 - 2 * SIZE, used: BASE + 0x1000 - 6 - 8 * SIZE };
    expect(() => new RingAccess(memory, places)).not.toThrow();
  });
});
