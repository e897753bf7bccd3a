/** /dev/kvm: what this host's KVM can do, and where VMs come from (Documentation/virt/kvm/api.rst §4.1–4.5). */
import {
  KVM_API_VERSION,
  KVM_CAP_ARM_VM_IPA_SIZE,
  KVM_CAP_READONLY_MEM,
  KVM_CHECK_EXTENSION,
  KVM_CREATE_VM,
  KVM_GET_API_VERSION,
  KVM_GET_VCPU_MMAP_SIZE,
  KVM_VM_TYPE_ARM_IPA_SIZE_MASK,
} from '../abi/kvm.ts';
import { O_RDWR } from '../abi/libc.ts';
import { HostError } from '../base/errors.ts';
import { Fd } from '../host/fd.ts';
import { ioctlValue } from '../host/ioctl.ts';
import { Vm } from './vm.ts';

/** What KVM gives a guest that asks for nothing (api.rst §4.2, KVM_VM_TYPE_ARM_IPA_SIZE). */
export const IPA_BITS_DEFAULT = 40;

export class Kvm implements Disposable {
  readonly fd: Fd;

  private constructor(fd: Fd) {
    this.fd = fd;
  }

  static open(path = '/dev/kvm'): Kvm {
    if (process.arch !== 'arm64') {
      throw new HostError(
        `Cannot run a guest here: this is an ${process.arch} host and KVM for Arm guests needs an arm64 one: ` +
          'use `orko-vmm nested CONFIG`, which brings its own Arm machine',
      );
    }
    const fd = Fd.open(path, O_RDWR, `open ${path}`, {
      EACCES: 'add yourself to the group that owns it (usually kvm), then log in again',
      ENOENT:
        'this kernel has no KVM, or it booted without EL2 (look for "kvm" in dmesg); `orko-vmm doctor` tells more',
    });
    const version = ioctlValue(fd, KVM_GET_API_VERSION, 0, `ask ${path} for its API version`, {
      ENOTTY: 'it is not a KVM device',
    });
    if (version !== KVM_API_VERSION) {
      throw new HostError(`Cannot use ${path}: its API version is ${version}, not ${KVM_API_VERSION}`);
    }
    return new Kvm(fd);
  }

  /** A KVM_CAP_*: 0 when absent, else 1 or the capability's own number. */
  checkExtension(capability: number): number {
    return ioctlValue(this.fd, KVM_CHECK_EXTENSION, capability, `ask KVM for capability ${capability}`);
  }

  /** Guest physical address bits that a VM may have, at most. */
  get ipaBitsMax(): number {
    return this.checkExtension(KVM_CAP_ARM_VM_IPA_SIZE) || IPA_BITS_DEFAULT;
  }

  /** A memory slot can be such that the guest's reads stay inside and its writes exit. */
  get hasReadOnlySlots(): boolean {
    return this.checkExtension(KVM_CAP_READONLY_MEM) > 0;
  }

  /** Bytes to map of each vCPU: kvm_run, and what follows it. */
  get vcpuMmapSize(): number {
    return ioctlValue(this.fd, KVM_GET_VCPU_MMAP_SIZE, 0, 'ask KVM how much of a vCPU to map');
  }

  createVm(ipaBits: number): Vm {
    const type = ipaBits & KVM_VM_TYPE_ARM_IPA_SIZE_MASK;
    const fd = ioctlValue(this.fd, KVM_CREATE_VM, type, `create a VM with ${ipaBits} address bits`, {
      EINVAL: `this host gives a guest at most ${this.ipaBitsMax} address bits`,
    });
    return new Vm(new Fd(fd), this.vcpuMmapSize);
  }

  [Symbol.dispose](): void {
    this.fd[Symbol.dispose]();
  }
}
