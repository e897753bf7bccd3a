/** A VM: memory slots, interrupts, and the shortcuts by which an access never leaves the kernel (api.rst §4). */
import {
  KVM_ARM_IRQ_NUM_SHIFT,
  KVM_ARM_IRQ_TYPE_SHIFT,
  KVM_ARM_IRQ_TYPE_SPI,
  KVM_ARM_PREFERRED_TARGET,
  KVM_ARM_SET_COUNTER_OFFSET,
  KVM_CHECK_EXTENSION,
  KVM_CREATE_DEVICE,
  KVM_CREATE_VCPU,
  KVM_ENABLE_CAP,
  KVM_GET_STATS_FD,
  KVM_IOEVENTFD,
  KVM_IOEVENTFD_FLAG_DATAMATCH,
  KVM_IOEVENTFD_FLAG_DEASSIGN,
  KVM_IRQ_LINE,
  KVM_IRQFD,
  KVM_IRQFD_FLAG_DEASSIGN,
  KVM_IRQFD_FLAG_RESAMPLE,
  KVM_MSI_VALID_DEVID,
  KVM_REGISTER_COALESCED_MMIO,
  KVM_SET_GSI_ROUTING,
  KVM_SET_USER_MEMORY_REGION,
  KVM_SIGNAL_MSI,
  KVM_UNREGISTER_COALESCED_MMIO,
  kvm_arm_counter_offset,
  kvm_coalesced_mmio_zone,
  kvm_create_device,
  kvm_enable_cap,
  kvm_ioeventfd,
  kvm_irq_level,
  kvm_irqfd,
  kvm_msi,
  kvm_userspace_memory_region,
  kvm_vcpu_init,
} from '../abi/kvm.ts';
import { pack, packInto, unpack } from '../base/layout.ts';
import { type AddressRange, formatRange, type GuestAddress } from '../base/range.ts';
import { formatAddress } from '../base/units.ts';
import type { EventFd } from '../host/eventfd.ts';
import { Fd } from '../host/fd.ts';
import { ioctlAccepts, ioctlStruct, ioctlValue } from '../host/ioctl.ts';
import type { HostPointer } from '../host/libc.ts';
import { KvmDevice } from './device.ts';
import type { RoutingTable } from './routing-table.ts';
import { BinaryStats } from './stats.ts';
import { Vcpu } from './vcpu.ts';

/** SPI n is interrupt 32 + n of the GIC (GICv3 architecture, IHI 0069 §2.2.1). */
const SPI_FIRST = 32;

export class Vm implements Disposable {
  readonly fd: Fd;
  readonly #vcpuMmapSize: number;
  readonly #irqLevel = pack(kvm_irq_level, {});

  constructor(fd: Fd, vcpuMmapSize: number) {
    this.fd = fd;
    this.#vcpuMmapSize = vcpuMmapSize;
  }

  /** Like Kvm.checkExtension, where the answer depends on the VM (its GIC, its mode). */
  checkExtension(capability: number): number {
    return ioctlValue(this.fd, KVM_CHECK_EXTENSION, capability, `ask the VM for capability ${capability}`);
  }

  /** Turns a capability on; false when this kernel does not have it. */
  enableCap(cap: number): boolean {
    return ioctlAccepts(this.fd, KVM_ENABLE_CAP, pack(kvm_enable_cap, { cap }));
  }

  /** Adds, changes, or (size 0) removes memory slot `slot`. */
  setUserMemoryRegion(slot: number, flags: number, range: AddressRange, pointer: HostPointer): void {
    const region = pack(kvm_userspace_memory_region, {
      slot,
      flags,
      guest_phys_addr: BigInt(range.base),
      memory_size: BigInt(range.size),
      userspace_addr: pointer,
    });
    const doing = range.size === 0 ? `remove memory slot ${slot}` : `give the guest memory at ${formatRange(range)}`;
    ioctlStruct(this.fd, KVM_SET_USER_MEMORY_REGION, region, doing);
  }

  /** What KVM_ARM_VCPU_INIT wants for this host: the target, no features yet. */
  preferredTarget(): Uint8Array {
    const init = pack(kvm_vcpu_init, {});
    ioctlStruct(this.fd, KVM_ARM_PREFERRED_TARGET, init, 'ask KVM which CPU to give the guest');
    return init;
  }

  createVcpu(index: number): Vcpu {
    const fd = ioctlValue(this.fd, KVM_CREATE_VCPU, index, `create vCPU ${index}`, {
      EINVAL: 'KVM has fewer vCPUs for this interrupt controller: lower `cpus`',
      EEXIST: 'KVM has fewer vCPUs for this interrupt controller: lower `cpus`',
    });
    return new Vcpu(new Fd(fd), index, this.#vcpuMmapSize);
  }

  /** An in-kernel device (KVM_DEV_TYPE_*), or undefined when this host has none of that type. */
  createDevice(type: number): KvmDevice | undefined {
    const request = pack(kvm_create_device, { type });
    if (!ioctlAccepts(this.fd, KVM_CREATE_DEVICE, request)) return undefined;
    return new KvmDevice(new Fd(unpack(kvm_create_device, request).fd));
  }

  /** Sets the level of an SPI. Devices do it often, so the argument is reused. */
  setSpiLevel(spi: number, level: 0 | 1): void {
    packInto(this.#irqLevel, kvm_irq_level, {
      irq: (KVM_ARM_IRQ_TYPE_SPI << KVM_ARM_IRQ_TYPE_SHIFT) | ((SPI_FIRST + spi) << KVM_ARM_IRQ_NUM_SHIFT),
      level,
    });
    ioctlStruct(this.fd, KVM_IRQ_LINE, this.#irqLevel, `set the level of SPI ${spi}`);
  }

  /**
   * From now on signalling `event` raises `gsi`. Only after the vGIC is initialised. With `resampled` the interrupt stays raised until
   * the guest ends it, which signals `resampled`.
   */
  addIrqfd(event: EventFd, gsi: number, resampled?: EventFd): void {
    const resample = resampled && { flags: KVM_IRQFD_FLAG_RESAMPLE, resamplefd: resampled.number };
    const irqfd = pack(kvm_irqfd, { fd: event.number, gsi, ...resample });
    ioctlStruct(this.fd, KVM_IRQFD, irqfd, `tie interrupt ${gsi} to an eventfd`);
  }

  removeIrqfd(event: EventFd, gsi: number): void {
    const irqfd = pack(kvm_irqfd, { fd: event.number, gsi, flags: KVM_IRQFD_FLAG_DEASSIGN });
    ioctlStruct(this.fd, KVM_IRQFD, irqfd, `untie interrupt ${gsi} from its eventfd`);
  }

  /** From now on a guest's write of `size` bytes to `address` signals `event` and does not exit. */
  addIoeventfd(event: EventFd, address: GuestAddress, size: 0 | 1 | 2 | 4 | 8, datamatch?: number): void {
    const doing = `let writes to ${formatAddress(address)} signal an eventfd`;
    ioctlStruct(this.fd, KVM_IOEVENTFD, ioeventfd(event, address, size, datamatch, 0), doing);
  }

  removeIoeventfd(event: EventFd, address: GuestAddress, size: 0 | 1 | 2 | 4 | 8, datamatch?: number): void {
    const doing = `take the eventfd from ${formatAddress(address)}`;
    const argument = ioeventfd(event, address, size, datamatch, KVM_IOEVENTFD_FLAG_DEASSIGN);
    ioctlStruct(this.fd, KVM_IOEVENTFD, argument, doing);
  }

  /** From now on writes inside `range` go to the coalesced ring (kvm/coalesced-mmio.ts) and do not exit. */
  registerCoalescedMmio(range: AddressRange): void {
    const zone = pack(kvm_coalesced_mmio_zone, { addr: BigInt(range.base), size: range.size });
    ioctlStruct(this.fd, KVM_REGISTER_COALESCED_MMIO, zone, `collect writes to ${formatRange(range)}`);
  }

  unregisterCoalescedMmio(range: AddressRange): void {
    const zone = pack(kvm_coalesced_mmio_zone, { addr: BigInt(range.base), size: range.size });
    ioctlStruct(this.fd, KVM_UNREGISTER_COALESCED_MMIO, zone, `stop collecting writes to ${formatRange(range)}`);
  }

  /** Replaces all routes. Without a call, GSI n is SPI n. */
  setGsiRouting({ bytes }: RoutingTable): void {
    ioctlStruct(this.fd, KVM_SET_GSI_ROUTING, bytes, 'route interrupts');
  }

  /** Delivers one message-signalled interrupt. False where nobody takes it: the guest says where it goes, and may be wrong. */
  signalMsi(address: bigint, data: number, deviceId?: number): boolean {
    const msi = pack(kvm_msi, {
      address_lo: Number(BigInt.asUintN(32, address)),
      address_hi: Number(address >> 32n),
      data,
      flags: deviceId === undefined ? 0 : KVM_MSI_VALID_DEVID,
      devid: deviceId ?? 0,
    });
    return ioctlAccepts(this.fd, KVM_SIGNAL_MSI, msi);
  }

  /** Makes both guest counters read the host's minus `counter_offset` ticks; false on kernels before 6.4. */
  setCounterOffset(counter_offset: bigint): boolean {
    return ioctlAccepts(this.fd, KVM_ARM_SET_COUNTER_OFFSET, pack(kvm_arm_counter_offset, { counter_offset }));
  }

  /** The VM's counters, or undefined on kernels before 5.14. */
  openStats(): BinaryStats | undefined {
    return BinaryStats.open(this.fd, KVM_GET_STATS_FD);
  }

  [Symbol.dispose](): void {
    this.fd[Symbol.dispose]();
  }
}

function ioeventfd(
  event: EventFd,
  address: GuestAddress,
  len: number,
  datamatch: number | undefined,
  flags: number,
): Uint8Array {
  return pack(kvm_ioeventfd, {
    addr: BigInt(address),
    len,
    fd: event.number,
    datamatch: BigInt(datamatch ?? 0),
    flags: flags | (datamatch === undefined ? 0 : KVM_IOEVENTFD_FLAG_DATAMATCH),
  });
}
