/**
 * The guest memory map and the interrupt numbers: the only place that knows them. That of QEMU's virt machine where the
 * two overlap, so that kernels, firmware and payloads made for it run unchanged (docs/architecture.md, "Memory map").
 */
import { alignUp } from '../base/bits.ts';
import { type AddressRange, endOf, type GuestAddress } from '../base/range.ts';
import { GiB, KiB } from '../base/units.ts';
import type { GicAddresses, RedistributorRegion } from '../kvm/vgic.ts';

/** Devices lie so far apart that each register page can be a memory slot on hosts with 64 KiB pages. */
const DEVICE_STEP = 64 * KiB;
/** Two 64 KiB frames a vCPU, RD then SGI (virt/kvm/devices/arm-vgic-v3.rst). */
const REDISTRIBUTOR_BYTES = 128 * KiB;

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
} as const;

/** Shared peripheral interrupts. GICv2m hands out its own range. */
export const SPI = { pl011: 1, pl031: 2, pl061: 7 } as const;
export const V2M_SPIS = { base: 48, count: 64 } as const;
/** The PMU's private interrupt, as a GIC interrupt number: PPI 7. */
export const PMU_INTID = 16 + 7;
/** Private and shared together: SPIs 0…255. */
export const INTERRUPT_COUNT = 32 + 256;

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

/** Guest physical address bits for everything up to the end of RAM and of what lies above it. */
export function ipaBitsFor(cpuCount: number, ram: AddressRange): number {
  const ends = redistributorRanges(gicAddresses(cpuCount, ram)).map(endOf);
  return Math.ceil(Math.log2(Math.max(endOf(ram), ...ends)));
}
