/**
 * The configuration space of a function that is passed through. What decides where it is and how it interrupts is ours: header,
 * MSI, MSI-X, power states. Other capabilities are the device's own, at their own places; those that a guest could not use, or should
 * not, are left out (docs/passthrough.md).
 */
import {
  PCI_CAP_ID_EA,
  PCI_CAP_ID_EXP,
  PCI_CAP_ID_MSI,
  PCI_CAP_ID_MSIX,
  PCI_CAP_ID_PM,
  PCI_EXP_FLAGS,
  PCI_EXP_FLAGS_TYPE,
  PCI_EXP_TYPE_RC_END,
  PCI_EXT_CAP_ID_ACS,
  PCI_EXT_CAP_ID_ARI,
  PCI_EXT_CAP_ID_ATS,
  PCI_EXT_CAP_ID_DPC,
  PCI_EXT_CAP_ID_L1SS,
  PCI_EXT_CAP_ID_MCAST,
  PCI_EXT_CAP_ID_MFVC,
  PCI_EXT_CAP_ID_MRIOV,
  PCI_EXT_CAP_ID_PASID,
  PCI_EXT_CAP_ID_PRI,
  PCI_EXT_CAP_ID_PTM,
  PCI_EXT_CAP_ID_REBAR,
  PCI_EXT_CAP_ID_SRIOV,
  PCI_EXT_CAP_ID_VC,
  PCI_EXT_CAP_ID_VC9,
  PCI_EXT_CAP_ID_VF_REBAR,
  PCI_PM_CAP_PME_MASK,
  PCI_PM_CTRL,
  PCI_PM_CTRL_NO_SOFT_RESET,
  PCI_PM_CTRL_STATE_MASK,
  PCI_PM_PMC,
  PCI_PM_SIZEOF,
} from '../abi/pci.ts';
import type { AccessSize } from '../bus/mmio-device.ts';
import { CONFIG_SPACE_BYTES } from './bus-function.ts';
import { ConfigSpace } from './config-space.ts';
import type { Capability, PhysicalFunction } from './physical-function.ts';

/** Enhanced allocation would place BARs past us; the others are ours. */
const NOT_PASSED: readonly number[] = [PCI_CAP_ID_MSI, PCI_CAP_ID_MSIX, PCI_CAP_ID_PM, PCI_CAP_ID_EA];
/**
 * What needs an IOMMU that the guest does not have (ATS, PRI, PASID), makes functions or moves BARs behind our back (SR-IOV, MR-IOV, ARI,
 * resizable BARs), or rules the links between the host's bridges (the rest).
 */
const EXTENDED_NOT_PASSED: readonly number[] = [
  ...[PCI_EXT_CAP_ID_ATS, PCI_EXT_CAP_ID_PRI, PCI_EXT_CAP_ID_PASID],
  ...[PCI_EXT_CAP_ID_SRIOV, PCI_EXT_CAP_ID_MRIOV, PCI_EXT_CAP_ID_ARI, PCI_EXT_CAP_ID_REBAR, PCI_EXT_CAP_ID_VF_REBAR],
  ...[PCI_EXT_CAP_ID_VC, PCI_EXT_CAP_ID_VC9, PCI_EXT_CAP_ID_MFVC, PCI_EXT_CAP_ID_MCAST, PCI_EXT_CAP_ID_ACS],
  ...[PCI_EXT_CAP_ID_DPC, PCI_EXT_CAP_ID_PTM, PCI_EXT_CAP_ID_L1SS],
];
/** Bytes of a capability's header: id and link; of an extended one: id, version and link. */
const HEADER_BYTES = 2;
const EXTENDED_HEADER_BYTES = 4;
/** In an extended header: what is not the id, which is 0 for a capability that is none (PCI Express §7.9.28). */
const EXTENDED_LINK = 0xffff_0000;

/** The device's own configuration space. */
export interface DeviceConfig {
  /** Undefined when the device does not answer. */
  read(offset: number, size: AccessSize): number | undefined;
  write(offset: number, size: AccessSize, value: number): void;
}

export class PassedConfig {
  readonly space: ConfigSpace;
  readonly #device: DeviceConfig;
  /** 1 where a byte is the device's. */
  readonly #isPassed = new Uint8Array(CONFIG_SPACE_BYTES);

  /** `snapshot`: what `physical` was read from; `bytes`: where the guest sees it. */
  constructor(physical: PhysicalFunction, snapshot: DataView, bytes: DataView, device: DeviceConfig) {
    this.#device = device;
    this.space = new ConfigSpace(physical.identity, bytes);
    for (const capability of physical.capabilities) this.#addCapability(capability, snapshot);
    for (const { id, offset, end } of physical.extendedCapabilities) {
      const header = snapshot.getUint32(offset, true);
      const isLeftOut = EXTENDED_NOT_PASSED.includes(id);
      this.space.define(offset, 4, isLeftOut ? (header & EXTENDED_LINK) >>> 0 : header);
      if (!isLeftOut) this.#isPassed.fill(1, offset + EXTENDED_HEADER_BYTES, end);
    }
  }

  read(offset: number, size: AccessSize): number {
    if (this.#touches(offset, size)) {
      const value = this.#device.read(offset, size) ?? 2 ** (8 * size) - 1;
      for (let index = 0; index < size; index++) {
        if (this.#isPassed[offset + index]) this.space.show(offset + index, 1, (value >>> (8 * index)) & 0xff);
      }
    }
    return this.space.read(offset, size);
  }

  write(offset: number, size: AccessSize, value: number): void {
    this.space.write(offset, size, value);
    if (!this.#touches(offset, size)) return;
    if (this.#isPassed.subarray(offset, offset + size).every(Boolean)) {
      this.#device.write(offset, size, value);
      return;
    }
    for (let index = 0; index < size; index++) {
      if (this.#isPassed[offset + index]) this.#device.write(offset + index, 1, (value >>> (8 * index)) & 0xff);
    }
  }

  #touches(offset: number, size: AccessSize): boolean {
    for (let index = 0; index < size; index++) if (this.#isPassed[offset + index]) return true;
    return false;
  }

  #addCapability({ id, offset, end }: Capability, snapshot: DataView): void {
    if (id === PCI_CAP_ID_PM) this.#addPowerManagement(offset, snapshot);
    if (NOT_PASSED.includes(id)) return;
    const body = new Uint8Array(
      snapshot.buffer,
      snapshot.byteOffset + offset + HEADER_BYTES,
      end - offset - HEADER_BYTES,
    );
    this.space.addCapability(id, body, offset);
    this.#isPassed.fill(1, offset + HEADER_BYTES, end);
    if (id !== PCI_CAP_ID_EXP) return;
    // Behind no port of the guest's, it is a part of the host bridge (PCI Express §7.5.3.2), without a link.
    const flags = snapshot.getUint16(offset + PCI_EXP_FLAGS, true) & ~PCI_EXP_FLAGS_TYPE;
    this.space.define(offset + PCI_EXP_FLAGS, 2, flags | (PCI_EXP_TYPE_RC_END << 4));
    this.#isPassed.fill(0, offset + PCI_EXP_FLAGS, offset + PCI_EXP_FLAGS + 2);
  }

  /** The guest's driver may change the state, and the device stays awake: asleep it would not answer what goes past us. */
  #addPowerManagement(offset: number, snapshot: DataView): void {
    this.space.addCapability(PCI_CAP_ID_PM, new Uint8Array(PCI_PM_SIZEOF - HEADER_BYTES), offset);
    const abilities = snapshot.getUint16(offset + PCI_PM_PMC, true) & ~PCI_PM_CAP_PME_MASK;
    this.space.define(offset + PCI_PM_PMC, 2, abilities);
    this.space.define(offset + PCI_PM_CTRL, 2, PCI_PM_CTRL_NO_SOFT_RESET, PCI_PM_CTRL_STATE_MASK);
  }
}
