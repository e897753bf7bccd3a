/**
 * The in-kernel interrupt controller: GICv3 with an ITS where the host has it, else GICv2 (virt/kvm/devices/arm-vgic*.rst).
 * Created before the vCPUs run, initialised after all of them exist; irqfds only work from then on.
 */
import {
  KVM_DEV_ARM_VGIC_CTRL_INIT,
  KVM_DEV_ARM_VGIC_GRP_ADDR,
  KVM_DEV_ARM_VGIC_GRP_CTRL,
  KVM_DEV_ARM_VGIC_GRP_NR_IRQS,
  KVM_DEV_TYPE_ARM_VGIC_ITS,
  KVM_DEV_TYPE_ARM_VGIC_V2,
  KVM_DEV_TYPE_ARM_VGIC_V3,
  KVM_VGIC_ITS_ADDR_TYPE,
  KVM_VGIC_V2_ADDR_TYPE_CPU,
  KVM_VGIC_V2_ADDR_TYPE_DIST,
  KVM_VGIC_V3_ADDR_TYPE_DIST,
  KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION,
} from '../abi/kvm.ts';
import { ConfigError, HostError } from '../base/errors.ts';
import type { GuestAddress } from '../base/range.ts';
import type { KvmDevice } from './device.ts';
import type { Vm } from './vm.ts';

/** Consecutive redistributors: `count` vCPUs of 128 KiB each from `base`. */
export interface RedistributorRegion {
  readonly base: GuestAddress;
  readonly count: number;
}

export interface GicAddresses {
  readonly distributor: GuestAddress;
  /** GICv2's CPU interface. */
  readonly cpuInterface: GuestAddress;
  readonly redistributors: readonly RedistributorRegion[];
  readonly its: GuestAddress;
}

export interface GicOptions {
  readonly version: 'auto' | 2 | 3;
  readonly its: boolean;
  /** Private and shared interrupts together: a multiple of 32, 64 … 1024. */
  readonly interruptCount: number;
  readonly addresses: GicAddresses;
}

/** An interrupt controller created but not initialised. */
export interface Gic extends Disposable {
  readonly version: 2 | 3;
  readonly hasIts: boolean;
  /** To be called once all vCPUs exist. */
  init(): void;
}

export function createGic(vm: Vm, options: GicOptions): Gic {
  const wanted = options.version;
  if (wanted !== 2) {
    const v3 = vm.createDevice(KVM_DEV_TYPE_ARM_VGIC_V3);
    if (v3 !== undefined) return new GicV3(vm, v3, options);
  }
  if (wanted !== 3) {
    const v2 = vm.createDevice(KVM_DEV_TYPE_ARM_VGIC_V2);
    if (v2 !== undefined) return new GicV2(v2, options);
  }
  if (wanted === 'auto') {
    throw new HostError('Cannot create an interrupt controller: KVM on this host has neither GICv3 nor GICv2');
  }
  const other = wanted === 3 ? 2 : 3;
  throw new ConfigError(
    `Cannot create a GICv${wanted}: KVM on this host does not have it: set gic to auto or v${other}`,
    { keyPath: 'gic' },
  );
}

function setAddress(device: KvmDevice, type: number, address: bigint, what: string): void {
  const value = new Uint8Array(new BigUint64Array([address]).buffer);
  device.set({ group: KVM_DEV_ARM_VGIC_GRP_ADDR, attr: type }, value, `place the ${what}`, {
    E2BIG: 'the guest has too few address bits for it',
    ENODEV: 'KVM on this host does not have it',
  });
}

function setInterruptCount(device: KvmDevice, count: number): void {
  const value = new Uint8Array(new Uint32Array([count]).buffer);
  device.set({ group: KVM_DEV_ARM_VGIC_GRP_NR_IRQS, attr: 0 }, value, `give the GIC ${count} interrupts`);
}

function initialise(device: KvmDevice, what: string): void {
  device.set(
    { group: KVM_DEV_ARM_VGIC_GRP_CTRL, attr: KVM_DEV_ARM_VGIC_CTRL_INIT },
    undefined,
    `initialise the ${what}`,
  );
}

class GicV3 implements Gic {
  readonly version = 3;
  readonly hasIts: boolean;
  readonly #device: KvmDevice;
  readonly #its: KvmDevice | undefined;
  readonly #interruptCount: number;

  constructor(vm: Vm, device: KvmDevice, { addresses, its, interruptCount }: GicOptions) {
    this.#device = device;
    this.#interruptCount = interruptCount;
    setAddress(device, KVM_VGIC_V3_ADDR_TYPE_DIST, BigInt(addresses.distributor), 'GIC distributor');
    addresses.redistributors.forEach(({ base, count }, index) => {
      // arm-vgic-v3.rst: bits 63:52 count, 51:16 base (64 KiB aligned), 11:0 index.
      const region = (BigInt(count) << 52n) | BigInt(base) | BigInt(index);
      setAddress(device, KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION, region, `GIC redistributors of ${count} vCPUs`);
    });
    this.#its = its ? vm.createDevice(KVM_DEV_TYPE_ARM_VGIC_ITS) : undefined;
    this.hasIts = this.#its !== undefined;
    if (this.#its) setAddress(this.#its, KVM_VGIC_ITS_ADDR_TYPE, BigInt(addresses.its), 'ITS');
  }

  init(): void {
    setInterruptCount(this.#device, this.#interruptCount);
    initialise(this.#device, 'GICv3');
    if (this.#its) initialise(this.#its, 'ITS');
  }

  [Symbol.dispose](): void {
    this.#its?.[Symbol.dispose]();
    this.#device[Symbol.dispose]();
  }
}

class GicV2 implements Gic {
  readonly version = 2;
  readonly hasIts = false;
  readonly #device: KvmDevice;
  readonly #interruptCount: number;

  constructor(device: KvmDevice, { addresses, interruptCount }: GicOptions) {
    this.#device = device;
    this.#interruptCount = interruptCount;
    setAddress(device, KVM_VGIC_V2_ADDR_TYPE_DIST, BigInt(addresses.distributor), 'GIC distributor');
    setAddress(device, KVM_VGIC_V2_ADDR_TYPE_CPU, BigInt(addresses.cpuInterface), 'GIC CPU interface');
  }

  init(): void {
    setInterruptCount(this.#device, this.#interruptCount);
    initialise(this.#device, 'GICv2');
  }

  [Symbol.dispose](): void {
    this.#device[Symbol.dispose]();
  }
}
