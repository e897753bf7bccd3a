/** An IOMMU group: devices that the host cannot keep apart, so that one guest gets all of them or none (vfio.rst, "Groups"). */
import { O_RDWR } from '../abi/libc.ts';
import {
  VFIO_GROUP_FLAGS_VIABLE,
  VFIO_GROUP_GET_DEVICE_FD,
  VFIO_GROUP_GET_STATUS,
  VFIO_GROUP_SET_CONTAINER,
  vfio_group_status,
} from '../abi/vfio.ts';
import { HostError } from '../base/errors.ts';
import { pack, unpack } from '../base/layout.ts';
import { Fd } from '../host/fd.ts';
import type { HostFiles } from '../host/host-files.ts';
import { ioctlStruct } from '../host/ioctl.ts';

export class VfioGroup implements Disposable {
  readonly fd: Fd;
  readonly #name: string;

  /** `name`: its number, as sysfs has it. */
  constructor(name: string) {
    const path = `/dev/vfio/${name}`;
    this.#name = name;
    this.fd = Fd.open(path, O_RDWR, `open ${path}, the IOMMU group of a device`, {
      EBUSY: `another program has it, and its devices: "fuser -v ${path}" as root names it`,
      EACCES: `have root give it to you: "chown $USER ${path}"`,
      ENOENT: 'no device of the group is bound to vfio-pci: "orko-vmm doctor" says how to',
      ENODEV: 'no device of the group is bound to vfio-pci: "orko-vmm doctor" says how to',
    });
  }

  /** Puts it into a container. */
  join(container: Fd): void {
    const status = pack(vfio_group_status, { argsz: vfio_group_status.size });
    ioctlStruct(this.fd, VFIO_GROUP_GET_STATUS, status, `look at IOMMU group ${this.#name}`);
    if ((unpack(vfio_group_status, status).flags & VFIO_GROUP_FLAGS_VIABLE) === 0) {
      throw new HostError(
        `Cannot use IOMMU group ${this.#name}: a driver of the host has one of its devices: "orko-vmm doctor" says which, and how to take it away`,
      );
    }
    const argument = new Uint8Array(new Int32Array([container.number]).buffer);
    ioctlStruct(this.fd, VFIO_GROUP_SET_CONTAINER, argument, `use IOMMU group ${this.#name}`, {
      EBUSY: 'a driver of the host has one of its devices: "orko-vmm doctor" says which, and how to take it away',
    });
  }

  /** The group is in a container with an IOMMU. `address`: "0000:01:00.0". */
  openDevice(address: string): Fd {
    const name = new TextEncoder().encode(`${address}\0`);
    const number = ioctlStruct(this.fd, VFIO_GROUP_GET_DEVICE_FD, name, `open PCI device ${address}`, {
      ENODEV: 'it is not bound to vfio-pci: "orko-vmm doctor" says how to',
      EBUSY: 'it is in use',
    });
    return new Fd(number);
  }

  [Symbol.dispose](): void {
    this.fd[Symbol.dispose]();
  }
}

/** The number of the group of device `address`, as sysfs has it. */
export function groupOf(address: string, sysfs: HostFiles): string {
  const path = sysfs.resolved(`bus/pci/devices/${address}/iommu_group`);
  const name = path?.slice(path.lastIndexOf('/') + 1);
  if (name !== undefined) return name;
  throw new HostError(
    `Cannot open PCI device ${address}: it is behind no IOMMU, or not bound to vfio-pci yet: "orko-vmm doctor" says how to`,
  );
}
