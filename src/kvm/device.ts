/** An in-kernel device of a VM (the vGIC, the ITS) and the attributes it and vCPUs are set up by (api.rst §4.79–4.81). */
import { KVM_GET_DEVICE_ATTR, KVM_HAS_DEVICE_ATTR, KVM_SET_DEVICE_ATTR, kvm_device_attr } from '../abi/kvm.ts';
import { pack } from '../base/layout.ts';
import type { Remedies } from '../host/errno.ts';
import type { Fd } from '../host/fd.ts';
import { ioctlAccepts, ioctlStruct } from '../host/ioctl.ts';
import { withPointer } from '../host/libc.ts';

/** Group and number of an attribute, as the kernel's documents under virt/kvm/devices/ list them. */
export interface Attribute {
  readonly group: number;
  readonly attr: bigint | number;
}

export function hasAttribute(fd: Fd, { group, attr }: Attribute): boolean {
  return ioctlAccepts(fd, KVM_HAS_DEVICE_ATTR, pack(kvm_device_attr, { group, attr: BigInt(attr) }));
}

/** Sets an attribute whose value is `value` (its size is the attribute's), or that takes none. */
export function setAttribute(
  fd: Fd,
  { group, attr }: Attribute,
  value: Uint8Array | undefined,
  doing: string,
  remedies?: Remedies,
): void {
  withPointer(value ?? new Uint8Array(), (addr) => {
    ioctlStruct(fd, KVM_SET_DEVICE_ATTR, pack(kvm_device_attr, { group, attr: BigInt(attr), addr }), doing, remedies);
  });
}

/** Reads an attribute of `size` bytes. */
export function getAttribute(fd: Fd, { group, attr }: Attribute, size: number, doing: string): Uint8Array {
  const value = new Uint8Array(size);
  withPointer(value, (addr) => {
    ioctlStruct(fd, KVM_GET_DEVICE_ATTR, pack(kvm_device_attr, { group, attr: BigInt(attr), addr }), doing);
  });
  return value;
}

export class KvmDevice implements Disposable {
  readonly fd: Fd;

  constructor(fd: Fd) {
    this.fd = fd;
  }

  has(attribute: Attribute): boolean {
    return hasAttribute(this.fd, attribute);
  }

  set(attribute: Attribute, value: Uint8Array | undefined, doing: string, remedies?: Remedies): void {
    setAttribute(this.fd, attribute, value, doing, remedies);
  }

  [Symbol.dispose](): void {
    this.fd[Symbol.dispose]();
  }
}
