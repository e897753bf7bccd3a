/**
 * The guest memory map and the interrupt numbers: the only place that knows them. That of QEMU's virt machine where the
 * two overlap, so that kernels, firmware and payloads made for it run unchanged (docs/architecture.md, "Memory map").
 */
import { alignUp } from '../base/bits.ts';
import { type AddressRange, endOf, type GuestAddress } from '../base/range.ts';
import { GiB, KiB, MiB } from '../base/units.ts';
import { isOnPci } from '../config/device-kinds.ts';
import type { VmConfig } from '../config/schema.ts';
import { type PoolConfig, poolsOf } from '../config/shared-memory.ts';
import { SCRATCH_BYTES } from '../devices/scratch.ts';
import type { GicAddresses, RedistributorRegion } from '../kvm/vgic.ts';
import { BUS_BYTES, BUSES } from '../pci/pci-bus.ts';
import { REGISTER_BYTES } from '../virtio/mmio-registers.ts';

/** Devices lie so far apart that each register page can be a memory slot on hosts with 64 KiB pages. */
const DEVICE_STEP = 64 * KiB;
/** Two 64 KiB frames a vCPU, RD then SGI (virt/kvm/devices/arm-vgic-v3.rst). */
const REDISTRIBUTOR_BYTES = 128 * KiB;

/** As many as there are interrupts for: SPIs 16–47, and from 112 to the last one. */
const VIRTIO_COUNT_MAX = 32 + 144;
/** One block of stage 2, so that a window can be mapped by blocks, and what Linux wants of a pmem device. */
const WINDOW_ALIGNMENT = 2 * MiB;

const range = (base: GuestAddress, size: number): AddressRange => ({ base, size });

export const LAYOUT = {
  gicDistributor: range(0x0800_0000, 64 * KiB),
  gicCpuInterface: range(0x0801_0000, 64 * KiB),
  gicV2m: range(0x0802_0000, 4 * KiB),
  gicIts: range(0x0808_0000, 128 * KiB),
  gicRedistributors: range(0x080a_0000, 0x00f6_0000),
  pl011: range(0x0900_0000, 4 * KiB),
  pl031: range(0x0901_0000, 4 * KiB),
  pl061: range(0x0903_0000, 4 * KiB),
  stolenTime: range(0x090a_0000, DEVICE_STEP),
  pvpanic: range(0x090f_0000, 2),
  virtioMmio: range(0x0a00_0000, VIRTIO_COUNT_MAX * DEVICE_STEP),
  scratch: range(0x0b00_0000, SCRATCH_BYTES),
  pciWindow32: range(0x1000_0000, 0x2eff_0000),
  pciEcam: range(0x3f00_0000, BUSES * BUS_BYTES),
} as const;

/** Shared peripheral interrupts. GICv2m hands out its own range. */
export const SPI = { pl011: 1, pl031: 2, pl061: 7 } as const;
export const VIRTIO_SPIS = [
  { base: 16, count: 32 },
  { base: 112, count: 144 },
] as const;
export const V2M_SPIS = { base: 48, count: 64 } as const;
/** INTA#…INTD# of PCI, swizzled by the device's number. */
export const INTX_SPIS = [3, 4, 5, 6] as const;
/** The PMU's private interrupt, as a GIC interrupt number: PPI 7. */
export const PMU_INTID = 16 + 7;
/** Private and shared together: SPIs 0…255. */
export const INTERRUPT_COUNT = 32 + 256;

/** The place of virtio device number `number` on the bus, and its interrupt. */
export interface VirtioSlot {
  readonly range: AddressRange;
  readonly spi: number;
}

/** The places of `count` virtio devices; undefined when they are too many. */
export function virtioSlots(count: number): readonly VirtioSlot[] | undefined {
  if (count > VIRTIO_COUNT_MAX) return undefined;
  const [first, second] = VIRTIO_SPIS;
  return Array.from({ length: count }, (_, number) => ({
    range: range(LAYOUT.virtioMmio.base + number * DEVICE_STEP, REGISTER_BYTES),
    spi: number < first.count ? first.base + number : second.base + number - first.count,
  }));
}

/** Where the redistributors of `cpuCount` vCPUs lie: the classic window, then a second region above RAM. */
function redistributors(cpuCount: number, ramEnd: GuestAddress): readonly RedistributorRegion[] {
  const { base, size } = LAYOUT.gicRedistributors;
  const countMax = size / REDISTRIBUTOR_BYTES;
  if (cpuCount <= countMax) return [{ base, count: cpuCount }];
  return [
    { base, count: countMax },
    { base: alignUp(ramEnd, GiB), count: cpuCount - countMax },
  ];
}

export function gicAddresses(cpuCount: number, ram: AddressRange): GicAddresses {
  return {
    distributor: LAYOUT.gicDistributor.base,
    cpuInterface: LAYOUT.gicCpuInterface.base,
    redistributors: redistributors(cpuCount, endOf(ram)),
    its: LAYOUT.gicIts.base,
  };
}

export function redistributorRanges(addresses: GicAddresses): readonly AddressRange[] {
  return addresses.redistributors.map(({ base, count }) => range(base, count * REDISTRIBUTOR_BYTES));
}

type MemoryOfGuest = Pick<VmConfig, 'memory' | 'devices'>;
type ShapeOfGuest = MemoryOfGuest & Pick<VmConfig, 'cpus'>;

/** Whether the guest has a PCI bus. */
export function hasPci({ devices }: Pick<VmConfig, 'devices'>): boolean {
  return Object.values(devices).some(isOnPci);
}

/** RAM, and behind it the restricted DMA pools, which the guest finds in the same /memory node: Linux needs them mapped. */
export function mainMemory({ memory, devices }: MemoryOfGuest): AddressRange {
  const pools = placePools({ memory, devices });
  return range(memory.base, (pools.length > 0 ? endOf(pools.at(-1)!.range) : endOf(memory)) - memory.base);
}

/** A restricted DMA pool, and the devices that use it. */
export interface PlacedPool extends PoolConfig {
  readonly range: AddressRange;
}

/** One behind the other, from the end of RAM on. */
export function placePools({ memory, devices }: MemoryOfGuest): readonly PlacedPool[] {
  let next = endOf(memory);
  return poolsOf(devices).map((pool) => {
    const base = next;
    next += pool.size;
    return { ...pool, range: range(base, pool.size) };
  });
}

/** Where windows of devices may lie below the 64-bit PCI window. */
const WINDOW_ROOM = 16 * GiB;

/** The upper half of the smallest guest address space that has room for all else: where 64-bit BARs lie. */
export function pciWindow64(cpuCount: number, ram: AddressRange): AddressRange {
  const size = 2 ** Math.ceil(Math.log2(windowStart(cpuCount, ram) + WINDOW_ROOM));
  return range(size, size);
}

/** Above RAM and the redistributors there. */
function windowStart(cpuCount: number, ram: AddressRange): GuestAddress {
  return alignUp(Math.max(endOf(ram), ...redistributorRanges(gicAddresses(cpuCount, ram)).map(endOf)), GiB);
}

/** Where the windows of devices lie: above RAM and the redistributors there, one after the other. */
export class WindowArea {
  #next: GuestAddress;

  constructor(cpuCount: number, ram: AddressRange) {
    this.#next = windowStart(cpuCount, ram);
  }

  place(size: number): GuestAddress {
    const base = this.#next;
    this.#next = alignUp(base + size, WINDOW_ALIGNMENT);
    return base;
  }
}

/** Guest physical address bits for everything up to the end of RAM and of what lies above it. */
export function ipaBitsFor({ cpus, memory, devices }: ShapeOfGuest): number {
  const ram = mainMemory({ memory, devices });
  const ends = redistributorRanges(gicAddresses(cpus.count, ram)).map(endOf);
  const pci = hasPci({ devices }) ? endOf(pciWindow64(cpus.count, ram)) : 0;
  return Math.ceil(Math.log2(Math.max(endOf(ram), pci, ...ends)));
}
