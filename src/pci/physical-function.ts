/** What the configuration space of a function of the host says that it is (PCI Local Bus 3.0 §6; PCI Express Base Specification §7). */
import {
  PCI_BASE_ADDRESS_0,
  PCI_BASE_ADDRESS_MEM_PREFETCH,
  PCI_BASE_ADDRESS_MEM_TYPE_64,
  PCI_BASE_ADDRESS_SPACE_IO,
  PCI_CAPABILITY_LIST,
  PCI_CFG_SPACE_EXP_SIZE,
  PCI_CFG_SPACE_SIZE,
  PCI_CLASS_REVISION,
  PCI_DEVICE_ID,
  PCI_INTERRUPT_PIN,
  PCI_STATUS,
  PCI_STATUS_CAP_LIST,
  PCI_SUBSYSTEM_ID,
  PCI_SUBSYSTEM_VENDOR_ID,
  PCI_VENDOR_ID,
} from '../abi/pci.ts';
import { bits } from '../base/bits.ts';
import type { FunctionIdentity } from './config-space.ts';

export interface Capability {
  readonly id: number;
  readonly offset: number;
  /** Up to the next one, or to the end of the space: its own size is for its kind to know. */
  readonly end: number;
}

export interface PhysicalBar {
  readonly index: number;
  readonly is64Bit: boolean;
  readonly isPrefetchable: boolean;
}

export interface PhysicalFunction {
  readonly identity: FunctionIdentity;
  /** Of memory: those of I/O ports are left out. */
  readonly bars: readonly PhysicalBar[];
  readonly capabilities: readonly Capability[];
  readonly extendedCapabilities: readonly Capability[];
}

const BAR_COUNT = 6;
/** Behind the header (§6.1). */
const CAPABILITIES_FIRST = 0x40;
/** Header of an extended capability (PCI Express §7.6.3): id, version, offset of the next. */
const EXTENDED = { ID: bits(15, 0), NEXT: bits(31, 20) } as const;

/** `space`: 256 or 4096 bytes of it. */
export function readPhysicalFunction(space: DataView): PhysicalFunction {
  const u8 = (offset: number) => space.getUint8(offset);
  const u16 = (offset: number) => space.getUint16(offset, true);
  const u32 = (offset: number) => space.getUint32(offset, true);
  const pin = u8(PCI_INTERRUPT_PIN);
  return {
    identity: {
      ...{ vendorId: u16(PCI_VENDOR_ID), deviceId: u16(PCI_DEVICE_ID) },
      ...{ subsystemVendorId: u16(PCI_SUBSYSTEM_VENDOR_ID), subsystemId: u16(PCI_SUBSYSTEM_ID) },
      ...{ revision: u32(PCI_CLASS_REVISION) & 0xff, classCode: u32(PCI_CLASS_REVISION) >>> 8 },
      ...(pin !== 0 && { interruptPin: pin }),
    },
    bars: readBars(u32),
    capabilities: (u16(PCI_STATUS) & PCI_STATUS_CAP_LIST) === 0 ? [] : readCapabilities(u8),
    extendedCapabilities: space.byteLength < PCI_CFG_SPACE_EXP_SIZE ? [] : readExtended(u32),
  };
}

function readBars(u32: (offset: number) => number): readonly PhysicalBar[] {
  const bars: PhysicalBar[] = [];
  for (let index = 0; index < BAR_COUNT; index++) {
    const value = u32(PCI_BASE_ADDRESS_0 + 4 * index);
    if ((value & PCI_BASE_ADDRESS_SPACE_IO) !== 0) continue;
    const is64Bit = (value & PCI_BASE_ADDRESS_MEM_TYPE_64) !== 0;
    bars.push({ index, is64Bit, isPrefetchable: (value & PCI_BASE_ADDRESS_MEM_PREFETCH) !== 0 });
    if (is64Bit) index++;
  }
  return bars;
}

/** Each at most once: a list that runs in a circle ends. */
function readCapabilities(u8: (offset: number) => number): readonly Capability[] {
  const found = new Map<number, number>();
  // The low bits of a link are reserved (§6.7).
  for (let at = u8(PCI_CAPABILITY_LIST) & ~3; at >= CAPABILITIES_FIRST && !found.has(at); at = u8(at + 1) & ~3) {
    found.set(at, u8(at));
  }
  return withEnds(found, PCI_CFG_SPACE_SIZE);
}

function readExtended(u32: (offset: number) => number): readonly Capability[] {
  const found = new Map<number, number>();
  for (let at = PCI_CFG_SPACE_SIZE; at >= PCI_CFG_SPACE_SIZE && !found.has(at); at = EXTENDED.NEXT.get(u32(at)) & ~3) {
    const header = u32(at);
    // Nothing at all, or no such device.
    if (header === 0 || header === 0xffff_ffff) break;
    found.set(at, EXTENDED.ID.get(header));
  }
  return withEnds(found, PCI_CFG_SPACE_EXP_SIZE);
}

function withEnds(found: ReadonlyMap<number, number>, last: number): readonly Capability[] {
  return [...found].map(([offset, id]) => ({
    id,
    offset,
    end: Math.min(last, ...[...found.keys()].filter((other) => other > offset)),
  }));
}
