/** A root port with a slot, driven as Linux's pciehp does: what the guest reads, and what it is told. */
import { beforeEach, expect, test } from 'vitest';
import {
  PCI_BASE_ADDRESS_0,
  PCI_BRIDGE_CONTROL,
  PCI_BRIDGE_CTL_BUS_RESET,
  PCI_CAPABILITY_LIST,
  PCI_COMMAND,
  PCI_COMMAND_MEMORY,
  PCI_EXP_LNKSTA,
  PCI_EXP_LNKSTA_DLLLA,
  PCI_EXP_SLTCTL,
  PCI_EXP_SLTCTL_ABPE,
  PCI_EXP_SLTCTL_DLLSCE,
  PCI_EXP_SLTCTL_HPIE,
  PCI_EXP_SLTCTL_PCC,
  PCI_EXP_SLTCTL_PDCE,
  PCI_EXP_SLTSTA,
  PCI_EXP_SLTSTA_ABP,
  PCI_EXP_SLTSTA_DLLSC,
  PCI_EXP_SLTSTA_PDC,
  PCI_EXP_SLTSTA_PDS,
  PCI_HEADER_TYPE,
  PCI_HEADER_TYPE_BRIDGE,
  PCI_SECONDARY_BUS,
} from '../../../src/abi/pci.ts';
import type { MmioDevice } from '../../../src/bus/mmio-device.ts';
import { BUS_BYTES, PciBus } from '../../../src/pci/pci-bus.ts';
import { RootPort } from '../../../src/pci/root-port.ts';

const ALL = PCI_EXP_SLTCTL_HPIE | PCI_EXP_SLTCTL_ABPE | PCI_EXP_SLTCTL_PDCE | PCI_EXP_SLTCTL_DLLSCE;
const MSIX_BASE = 0x1000_0000;
const ENABLE = 0x8000;

let told: string[];
let port: RootPort;
let bus: PciBus;
let vectors: MmioDevice;
beforeEach(() => {
  told = [];
  const child = {
    name: 'disk0',
    readConfig: (offset: number) => 0x1000 + offset,
    writeConfig: () => {},
    reset: () => void told.push('reset'),
  };
  bus = new PciBus(new DataView(new ArrayBuffer(BUS_BYTES)));
  port = new RootPort({
    ...{ bytes: bus.memoryOf(8), slot: 1, child },
    space: {
      attach: (_, device) => {
        vectors = device;
        return true;
      },
      detach: () => {},
    },
    deliver: ({ data }) => void told.push(`message ${data}`),
    released: () => void told.push('released'),
  });
  bus.addPort(8, port);
});

const read = (offset: number, size: 1 | 2 | 4 = 2) => bus.read(0x8000 + offset, size) as number;
const write = (offset: number, value: number, size: 1 | 2 | 4 = 2) => bus.write(0x8000 + offset, size, value);

/** Where a capability lies. */
function capability(id: number): number {
  for (let at = read(PCI_CAPABILITY_LIST, 1); at !== 0; at = read(at + 1, 1)) if (read(at, 1) === id) return at;
  throw new Error(`there is no capability ${id}`);
}

const express = () => capability(0x10);
const status = () => read(express() + PCI_EXP_SLTSTA);

/** One vector, with data 7, and all events of the slot. */
function listen(): void {
  write(PCI_BASE_ADDRESS_0, MSIX_BASE, 4);
  write(PCI_COMMAND, PCI_COMMAND_MEMORY);
  [0x0808_0040, 0, 7, 0].forEach((value, word) => {
    vectors.write(4 * word, 4, value);
  });
  write(capability(0x11) + 2, ENABLE);
  write(express() + PCI_EXP_SLTCTL, ALL);
}

test('is a bridge, behind which the device is once the guest has numbered the bus', () => {
  expect(read(PCI_HEADER_TYPE, 1)).toBe(PCI_HEADER_TYPE_BRIDGE);
  expect(bus.read(BUS_BYTES, 4)).toBe(0xffff_ffff);
  write(PCI_SECONDARY_BUS, 3, 1);
  expect(bus.read(3 * BUS_BYTES + 8, 4)).toBe(0x1008);
  expect(bus.read(3 * BUS_BYTES + 0x1000, 2)).toBe(0xffff);
  expect(bus.read(BUS_BYTES, 4)).toBe(0xffff_ffff);
  expect(status()).toBe(PCI_EXP_SLTSTA_PDS);
  expect(read(express() + PCI_EXP_LNKSTA) & PCI_EXP_LNKSTA_DLLLA).not.toBe(0);
});

test('an unplug: the button, the power goes off, the device is gone; then a plug', () => {
  listen();
  write(PCI_SECONDARY_BUS, 1, 1);
  expect(port.pressButton()).toBe(true);
  expect(told).toEqual(['message 7']);
  expect(status()).toBe(PCI_EXP_SLTSTA_PDS | PCI_EXP_SLTSTA_ABP);
  write(express() + PCI_EXP_SLTSTA, PCI_EXP_SLTSTA_ABP);
  expect(status()).toBe(PCI_EXP_SLTSTA_PDS);
  expect(bus.read(BUS_BYTES, 4)).toBe(0x1000);

  write(express() + PCI_EXP_SLTCTL, ALL | PCI_EXP_SLTCTL_PCC);
  expect(told).toEqual(['message 7', 'reset', 'released', 'message 7']);
  expect(status()).toBe(PCI_EXP_SLTSTA_PDC | PCI_EXP_SLTSTA_DLLSC);
  expect(bus.read(BUS_BYTES, 4)).toBe(0xffff_ffff);
  expect(port.pressButton()).toBe(false);

  write(express() + PCI_EXP_SLTSTA, PCI_EXP_SLTSTA_PDC | PCI_EXP_SLTSTA_DLLSC);
  expect(port.plug()).toBe(true);
  expect(port.plug()).toBe(false);
  expect(told.at(-1)).toBe('message 7');
  expect(status()).toBe(PCI_EXP_SLTSTA_PDC | PCI_EXP_SLTSTA_DLLSC | PCI_EXP_SLTSTA_PDS);
  expect(bus.read(BUS_BYTES, 4)).toBe(0x1000);
});

test('power that goes off unasked leaves the device where it is', () => {
  listen();
  write(PCI_SECONDARY_BUS, 1, 1);
  write(express() + PCI_EXP_SLTCTL, ALL | PCI_EXP_SLTCTL_PCC);
  expect(told).toEqual(['reset']);
  expect([status(), bus.read(BUS_BYTES, 4)]).toEqual([PCI_EXP_SLTSTA_PDS, 0x1000]);
});

test('one message for events that come together, and one for what waited behind a mask', () => {
  listen();
  write(express() + PCI_EXP_SLTCTL, ALL & ~PCI_EXP_SLTCTL_HPIE);
  port.pressButton();
  expect(told).toEqual([]);
  write(express() + PCI_EXP_SLTCTL, ALL);
  port.pressButton();
  expect(told).toEqual(['message 7']);
  write(express() + PCI_EXP_SLTSTA, PCI_EXP_SLTSTA_ABP);
  vectors.write(12, 4, 1);
  port.pressButton();
  expect(told).toEqual(['message 7']);
  expect(vectors.read(0x800, 4)).toBe(1);
  vectors.write(12, 4, 0);
  expect(told).toEqual(['message 7', 'message 7']);
  expect(vectors.read(0x800, 4)).toBe(0);
});

test('a reset of the bus resets the device; one of the guest takes it away when it was asked for', () => {
  listen();
  write(PCI_BRIDGE_CONTROL, PCI_BRIDGE_CTL_BUS_RESET);
  expect(told).toEqual(['reset']);
  port.reset();
  expect(status()).toBe(PCI_EXP_SLTSTA_PDS);
  port.pressButton();
  port.reset();
  expect(told).toEqual(['reset', 'reset', 'reset', 'released']);
  expect(status()).toBe(0);
  port.plug();
  port.reset();
  expect(status()).toBe(PCI_EXP_SLTSTA_PDS);
});
