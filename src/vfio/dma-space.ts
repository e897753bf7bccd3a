/** What the devices of a guest reach of its memory, through the host's IOMMU: device addresses are guest addresses. */
import { ConfigError, HostError } from '../base/errors.ts';
import { type AddressRange, endOf, formatRange } from '../base/range.ts';
import { formatSize } from '../base/units.ts';
import type { Fd } from '../host/fd.ts';
import { ioctlStruct } from '../host/ioctl.ts';
import type { HostPointer } from '../host/libc.ts';

/** Memory that devices shall reach. */
export interface DmaMemory {
  /** What it is, in errors: "RAM". */
  readonly name: string;
  readonly range: AddressRange;
  readonly pointer: HostPointer;
}

/** One of the two ways in which Linux gives devices to a program: container.ts, iommufd.ts. */
export interface DmaSpace extends Disposable {
  /** A device of the host that is to be in this space, "0000:01:00.0". */
  openDevice(address: string): Fd;
  /** What KVM wants to know: the files of groups, or of devices (Linux Documentation/virt/kvm/devices/vfio.rst). */
  readonly files: readonly number[];
  /** The device addresses that the IOMMU can translate, in order; the rest it keeps for itself. */
  readonly usable: readonly AddressRange[];
  /** Pins it and lets devices read and write it. It was checked that they can reach it. */
  map(memory: DmaMemory): void;
}

/** Has the kernel pin memory and show it to devices: `request` and `argument` are those of the space `fd`. */
export function pin(fd: Fd, request: number, argument: Uint8Array, { name, range }: DmaMemory): void {
  ioctlStruct(fd, request, argument, `show ${name} (${formatRange(range)}) to PCI devices`, {
    ENOMEM: 'the host cannot pin so much memory: give the guest less, or raise the limit of locked memory',
    EFAULT: 'it is memory that cannot be pinned',
  });
}

/** What EPERM means; the parameter of kernel module `module` allows it nevertheless. */
export function unsafeInterrupts(module: string): string {
  return `the interrupt controller of this host cannot tell devices apart, so a guest could raise any interrupt of the host: if you trust it, write 1 to /sys/module/${module}/parameters/allow_unsafe_interrupts`;
}

/** A ConfigError where the IOMMU cannot show `memory` to devices at the address that the guest has it at. */
export function checkReach(usable: readonly AddressRange[], { name, range }: DmaMemory): void {
  if (usable.some((part) => range.base >= part.base && endOf(range) <= endOf(part))) return;
  const parts = usable.map(formatRange).join(', ');
  throw new ConfigError(
    `Cannot show ${name} at ${formatRange(range)} to PCI devices: the IOMMU of this host translates ${parts} only: move it with memory.base, or give the guest less memory`,
    { keyPath: 'memory' },
  );
}

/** A HostError where more has to be pinned than may be. */
export function checkPinnable(memory: readonly DmaMemory[], lockedMax: number): void {
  const bytes = memory.reduce((sum, { range }) => sum + range.size, 0);
  if (bytes <= lockedMax) return;
  throw new HostError(
    `Cannot pin the ${formatSize(bytes)} of memory that PCI devices shall reach: this user may lock ${formatSize(lockedMax)}: raise it ("ulimit -l ${Math.ceil(bytes / 1024)}" as root, LimitMEMLOCK= in a systemd unit), or run as root`,
  );
}
