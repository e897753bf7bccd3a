import { describe, expect, test } from 'vitest';
import type { AccessSize } from '../../../src/bus/mmio-device.ts';
import { PassedConfig } from '../../../src/pci/passed-config.ts';
import { readPhysicalFunction } from '../../../src/pci/physical-function.ts';

/** A network card's: BAR 0 64-bit, BAR 2 of I/O ports; PM, MSI, MSI-X, Express, vendor's; AER, ATS, serial number, SR-IOV. */
function snapshot(): DataView {
  const view = new DataView(new ArrayBuffer(4096));
  const set32 = (offset: number, value: number) => view.setUint32(offset, value, true);
  set32(0x00, 0x10d3_8086);
  set32(0x04, 0x0010_0000);
  set32(0x08, 0x0200_0001);
  set32(0x10, 0x0000_000c);
  set32(0x18, 0x0000_0001);
  view.setUint8(0x34, 0x40);
  view.setUint8(0x3d, 1);
  const capabilities = [
    [0x40, 0x01, 0x48],
    [0x48, 0x05, 0x60],
    [0x60, 0x11, 0x70],
    [0x70, 0x10, 0xc0],
    [0xc0, 0x09, 0x00],
  ] as const;
  for (const [offset, id, next] of capabilities) view.setUint16(offset, id | (next << 8), true);
  view.setUint16(0x42, 0xc803, true);
  view.setUint16(0x72, 0x0002, true);
  set32(0x100, 0x1401_0001);
  set32(0x140, 0x1a01_000f);
  set32(0x1a0, 0x2001_0003);
  set32(0x200, 0x0001_0010);
  return view;
}

function setUp() {
  const bytes = snapshot();
  const device = snapshot();
  const writes: string[] = [];
  const config = new PassedConfig(readPhysicalFunction(bytes), bytes, new DataView(new ArrayBuffer(4096)), {
    read: (offset, size) => get(device, offset, size),
    write: (offset, size, value) => {
      writes.push(`${offset.toString(16)}/${size}=${value.toString(16)}`);
    },
  });
  return { config, device, writes };
}

function get(view: DataView, offset: number, size: AccessSize): number {
  if (size === 4) return view.getUint32(offset, true);
  return size === 2 ? view.getUint16(offset, true) : view.getUint8(offset);
}

/** The ids of a list of capabilities. */
function list(config: PassedConfig): number[] {
  const ids: number[] = [];
  for (let at = config.read(0x34, 1); at !== 0; at = config.read(at + 1, 1)) ids.push(config.read(at, 1));
  return ids;
}

describe('readPhysicalFunction', () => {
  test('reads identity, memory BARs and capabilities with their ends', () => {
    const { identity, bars, capabilities, extendedCapabilities } = readPhysicalFunction(snapshot());
    expect(identity).toMatchObject({ vendorId: 0x8086, deviceId: 0x10d3, classCode: 0x02_00_00, interruptPin: 1 });
    expect(bars).toEqual([
      { index: 0, is64Bit: true, isPrefetchable: true },
      ...[3, 4, 5].map((index) => ({ index, is64Bit: false, isPrefetchable: false })),
    ]);
    expect(capabilities.map(({ id, offset, end }) => [id, offset, end])).toEqual([
      [0x01, 0x40, 0x48],
      [0x05, 0x48, 0x60],
      [0x11, 0x60, 0x70],
      [0x10, 0x70, 0xc0],
      [0x09, 0xc0, 0x100],
    ]);
    expect(extendedCapabilities.map(({ id, offset }) => [id, offset])).toEqual([
      [0x01, 0x100],
      [0x0f, 0x140],
      [0x03, 0x1a0],
      [0x10, 0x200],
    ]);
  });

  test('a list that runs in a circle ends', () => {
    const view = snapshot();
    view.setUint8(0xc1, 0x70);
    view.setUint32(0x200, 0x1001_0010, true);
    const { capabilities, extendedCapabilities } = readPhysicalFunction(view);
    expect(capabilities).toHaveLength(5);
    expect(extendedCapabilities).toHaveLength(4);
  });

  test('no list where the status says so', () => {
    const view = snapshot();
    view.setUint16(0x06, 0, true);
    expect(readPhysicalFunction(view).capabilities).toEqual([]);
  });
});

describe('PassedConfig', () => {
  test('the guest sees no MSI and MSI-X of the device, nor what it could not use', () => {
    const { config } = setUp();
    expect(list(config)).toEqual([0x01, 0x10, 0x09]);
    expect([0x100, 0x140, 0x1a0, 0x200].map((at) => config.read(at, 4))).toEqual([
      0x1401_0001, 0x1a01_0000, 0x2001_0003, 0x0001_0000,
    ]);
  });

  test('what a capability holds is the device’s, its links are not', () => {
    const { config, device, writes } = setUp();
    device.setUint32(0xc4, 0x1234_5678, true);
    device.setUint16(0xc0, 0xffff, true);
    expect(config.read(0xc4, 4)).toBe(0x1234_5678);
    expect(config.read(0xc4, 1)).toBe(0x78);
    expect(config.read(0xc0, 2)).toBe(0x0009);
    config.write(0xc8, 4, 0xabcd);
    config.write(0xc0, 4, 0x5500_0000);
    expect(writes).toEqual(['c8/4=abcd', 'c2/1=0', 'c3/1=55']);
  });

  test('the header is ours: writes of it do not reach the device', () => {
    const { config, writes } = setUp();
    config.write(0x04, 2, 0x0406);
    config.write(0x3c, 1, 7);
    config.write(0x00, 4, 0);
    expect([config.read(0x04, 2), config.read(0x3c, 1), config.read(0x00, 4)]).toEqual([0x0406, 7, 0x10d3_8086]);
    expect(writes).toEqual([]);
  });

  test('a power state is kept and not passed on', () => {
    const { config, writes } = setUp();
    config.write(0x44, 2, 0x0003);
    expect(config.read(0x44, 2)).toBe(0x000b);
    expect(config.read(0x42, 2)).toBe(0x0003);
    expect(writes).toEqual([]);
  });

  test('an Express device is a part of the root complex', () => {
    const { config } = setUp();
    expect(config.read(0x72, 2)).toBe(0x0092);
  });
});
