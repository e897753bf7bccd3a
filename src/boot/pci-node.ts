/** The device tree node of a PCI host bridge: bindings pci/host-generic-pci.yaml, pci/pci-msi.txt, and IEEE Std 1275 for PCI. */
import type { AddressRange } from '../base/range.ts';
import { IRQ_TYPE_LEVEL_HIGH, nodeName, reg, spiCells } from '../fdt/device-node.ts';
import { FdtNode } from '../fdt/tree.ts';

/** The space of an address, in bits 25:24 of its first cell. */
const SPACE_32 = 0x0200_0000;
const SPACE_64 = 0x0300_0000;
/** Where a function's device and function numbers stand in the first cell. */
const DEVFN_SHIFT = 8;
/** A wired interrupt depends on the low bits of the device's number, and on the pin. */
const SWIZZLE_DEVICES = 4;
const PINS = 4;

export interface PciHostDescription {
  readonly ecam: AddressRange;
  readonly busCount: number;
  readonly window32: AddressRange;
  readonly window64: AddressRange;
  /** The SPIs of the wired interrupts: four. */
  readonly spis: readonly number[];
  /** Phandles: the interrupt controller, and who takes messages, if somebody does. */
  readonly gic: number;
  readonly msi: number | undefined;
  /** Whether DMA sees the caches of the CPUs. */
  readonly isCoherent: boolean;
  readonly functions: readonly FdtNode[];
}

export function pciHostNode(host: PciHostDescription): FdtNode {
  const { ecam, busCount, window32, window64, msi, functions } = host;
  return new FdtNode(
    nodeName('pcie', ecam.base),
    {
      compatible: 'pci-host-ecam-generic',
      device_type: 'pci',
      reg: reg(ecam),
      'bus-range': [0, busCount - 1],
      'linux,pci-domain': 0,
      '#address-cells': 3,
      '#size-cells': 2,
      ranges: [...window(SPACE_32, window32), ...window(SPACE_64, window64)],
      ...(host.isCoherent && { 'dma-coherent': true }),
      '#interrupt-cells': 1,
      'interrupt-map-mask': [(SWIZZLE_DEVICES - 1) << (DEVFN_SHIFT + 3), 0, 0, 7],
      'interrupt-map': interruptMap(host),
      ...(msi !== undefined && { 'msi-map': [0, msi, 0, 0x1_0000] }),
    },
    functions,
  );
}

/** A function that the device tree has something to say about. */
export function pciFunctionNode(name: string, devfn: number): FdtNode {
  const device = Math.floor(devfn / 8);
  const unit = device.toString(16) + (devfn % 8 === 0 ? '' : `,${devfn % 8}`);
  return new FdtNode(`${name}@${unit}`, { reg: [devfn << DEVFN_SHIFT, 0n, 0n] });
}

/** Which of `spis` pin `pin` (1…4) of a device on the root bus interrupts by (PCI Local Bus 3.0 §2.2.6). */
export function swizzled(spis: readonly number[], device: number, pin: number): number {
  return spis[(device + pin - 1) % spis.length]!;
}

/** Addresses of the bus are those of the guest. */
function window(space: number, { base, size }: AddressRange): (number | bigint)[] {
  return [space, BigInt(base), BigInt(base), BigInt(size)];
}

/** The interrupt controller's addresses have two cells. */
function interruptMap({ spis, gic }: PciHostDescription): (number | bigint)[] {
  const entries: (number | bigint)[] = [];
  for (let device = 0; device < SWIZZLE_DEVICES; device++) {
    for (let pin = 1; pin <= PINS; pin++) {
      const spi = spiCells(swizzled(spis, device, pin), IRQ_TYPE_LEVEL_HIGH);
      entries.push(device << (DEVFN_SHIFT + 3), 0n, pin, gic, 0n, ...spi);
    }
  }
  return entries;
}
