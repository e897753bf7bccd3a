/** A vCPU: its registers, its kvm_run, and running it (api.rst §4.7, §4.82, §5). */
import {
  KVM_ARM_VCPU_FINALIZE,
  KVM_ARM_VCPU_INIT,
  KVM_GET_ONE_REG,
  KVM_GET_STATS_FD,
  KVM_RUN,
  KVM_SET_ONE_REG,
  KVM_SET_SIGNAL_MASK,
  KVM_SET_VCPU_EVENTS,
  kvm_one_reg,
  kvm_run,
  kvm_signal_mask,
  kvm_vcpu_events,
} from '../abi/kvm.ts';
import { pack, packInto } from '../base/layout.ts';
import { formatAddress } from '../base/units.ts';
import type { Fd } from '../host/fd.ts';
import { ioctlAccepts, ioctlStruct } from '../host/ioctl.ts';
import * as libc from '../host/libc.ts';
import { Mapping } from '../host/mapping.ts';
import { type Attribute, hasAttribute, setAttribute } from './device.ts';
import type { RegisterId } from './registers.ts';
import { BinaryStats } from './stats.ts';

/** A kernel sigset for KVM_SET_SIGNAL_MASK: 64 signals. */
const SIGSET_BYTES = 8;

export class Vcpu implements Disposable {
  readonly fd: Fd;
  readonly index: number;
  readonly #fdNumber: number;
  /** kvm_run and, behind it, the coalesced MMIO ring. Shared with the kernel. */
  readonly run: Mapping;

  constructor(fd: Fd, index: number, mmapSize: number) {
    this.fd = fd;
    this.index = index;
    this.#fdNumber = fd.number;
    this.run = Mapping.create(mmapSize, { what: `vCPU ${index}`, fd });
  }

  /** `init` is Vm.preferredTarget() with the features wanted in `kvm_vcpu_init.features`. */
  init(init: Uint8Array): void {
    ioctlStruct(this.fd, KVM_ARM_VCPU_INIT, init, `initialise vCPU ${this.index}`, {
      EINVAL: 'this host refuses the CPU features asked for; `orko-vmm doctor` lists what it has',
    });
  }

  /** Settles a feature that needs it (KVM_ARM_VCPU_SVE) before the first run. */
  finalize(feature: number): void {
    const argument = new Uint8Array(new Int32Array([feature]).buffer);
    ioctlStruct(this.fd, KVM_ARM_VCPU_FINALIZE, argument, `settle the features of vCPU ${this.index}`);
  }

  getRegister(id: RegisterId): bigint {
    return new DataView(this.getWideRegister(id, 8).buffer).getBigUint64(0, true);
  }

  /** A register of `size` bytes, which its id says too (KVM_REG_SIZE_*). */
  getWideRegister(id: RegisterId, size: number): Uint8Array<ArrayBuffer> {
    const value = new Uint8Array(size);
    libc.withPointer(value, (addr) => {
      ioctlStruct(this.fd, KVM_GET_ONE_REG, pack(kvm_one_reg, { id, addr }), `read ${this.#name(id)}`);
    });
    return value;
  }

  setRegister(id: RegisterId, value: bigint): void {
    libc.withPointer(new Uint8Array(new BigUint64Array([value]).buffer), (addr) => {
      ioctlStruct(this.fd, KVM_SET_ONE_REG, pack(kvm_one_reg, { id, addr }), `set ${this.#name(id)}`);
    });
  }

  hasAttribute(attribute: Attribute): boolean {
    return hasAttribute(this.fd, attribute);
  }

  setAttribute(attribute: Attribute, value: Uint8Array | undefined, doing: string): void {
    setAttribute(this.fd, attribute, value, doing);
  }

  /** Which signals stay blocked while the vCPU is inside KVM_RUN (bit n - 1 = signal n). */
  setSignalMask(blocked: bigint): void {
    const argument = new Uint8Array(kvm_signal_mask.size + SIGSET_BYTES);
    packInto(argument, kvm_signal_mask, { len: SIGSET_BYTES });
    new DataView(argument.buffer).setBigUint64(kvm_signal_mask.size, blocked, true);
    ioctlStruct(this.fd, KVM_SET_SIGNAL_MASK, argument, `set the signal mask of vCPU ${this.index}`);
  }

  /** Runs until the next exit, on the calling thread: 0, or the errno of a KVM_RUN that failed. */
  enter(): number {
    return libc.ioctlPlain(this.#fdNumber, KVM_RUN, 0) === -1 ? libc.errno() : 0;
  }

  /** The arguments of an `ioctl` that runs the vCPU, for a native thread. */
  get enterArguments(): readonly bigint[] {
    return [BigInt(this.fd.number), BigInt(KVM_RUN), 0n];
  }

  /** While set, KVM_RUN returns at once. The kernel reads it at entry. */
  set immediateExit(value: boolean) {
    Atomics.store(this.run.bytes, kvm_run.fields.immediate_exit.offset, value ? 1 : 0);
  }

  /** Makes the guest take an external abort where it did what nobody can complete (after MMIO and NISV exits). */
  injectExternalAbort(): boolean {
    return ioctlAccepts(this.fd, KVM_SET_VCPU_EVENTS, pack(kvm_vcpu_events, { 'exception.ext_dabt_pending': 1 }));
  }

  openStats(): BinaryStats | undefined {
    return BinaryStats.open(this.fd, KVM_GET_STATS_FD);
  }

  #name(id: RegisterId): string {
    return `register ${formatAddress(id)} of vCPU ${this.index}`;
  }

  [Symbol.dispose](): void {
    this.run[Symbol.dispose]();
    this.fd[Symbol.dispose]();
  }
}
