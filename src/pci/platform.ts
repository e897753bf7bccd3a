/** What a machine says about itself and its PCI functions, as far as quirks are decided by it. */

export interface Platform {
  /** /sys/devices/soc0/soc_id, where the firmware has one. */
  readonly socId?: string | undefined;
  /** `compatible` of the root of the device tree; none on machines with ACPI. */
  readonly compatibles: readonly string[];
  /** There are IOMMU groups. */
  readonly hasIommu: boolean;
  readonly functions: readonly PciFunction[];
}

export interface PciFunction {
  /** "0000:01:00.0" */
  readonly address: string;
  /** "1def:e100" */
  readonly id: string;
  /** 24 bits: base class, subclass, interface. */
  readonly classCode: number;
  readonly driver?: string | undefined;
  /** The number of its IOMMU group; a machine described by a device tree makes groups when drivers are bound. */
  readonly group?: string | undefined;
  /** Bridges on the way to it, the root port first. */
  readonly behind: readonly string[];
  /** `compatible` of the PCI controller in the device tree, where there is one. */
  readonly controller: readonly string[];
  readonly bars: readonly PciBar[];
}

export interface PciBar {
  readonly index: number;
  readonly size: number;
  readonly isPrefetchable: boolean;
  readonly is64Bit: boolean;
}

const CLASS_BRIDGE = 0x06;

/** Bridges are the host's own: none is passed through. */
export function isBridge({ classCode }: PciFunction): boolean {
  return classCode >>> 16 === CLASS_BRIDGE;
}

/** "0000", of "0000:01:00.0": the functions of one domain hang on one host bridge. */
export function domainOf({ address }: PciFunction): string {
  return address.slice(0, address.indexOf(':'));
}
