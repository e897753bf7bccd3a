/**
 * iommufd: an address space made by /dev/iommu, and a file for each device, without groups in between (Linux
 * Documentation/userspace-api/iommufd.rst; driver-api/vfio.rst, "VFIO Device cdev").
 */
import { accessSync, constants } from 'node:fs';
import {
  IOMMU_IOAS_ALLOC,
  IOMMU_IOAS_IOVA_RANGES,
  IOMMU_IOAS_MAP,
  IOMMU_IOAS_MAP_FIXED_IOVA,
  IOMMU_IOAS_MAP_READABLE,
  IOMMU_IOAS_MAP_WRITEABLE,
  iommu_ioas_alloc,
  iommu_ioas_iova_ranges,
  iommu_ioas_map,
  iommu_iova_range,
} from '../abi/iommufd.ts';
import { O_RDWR } from '../abi/libc.ts';
import {
  VFIO_DEVICE_ATTACH_IOMMUFD_PT,
  VFIO_DEVICE_BIND_IOMMUFD,
  vfio_device_attach_iommufd_pt,
  vfio_device_bind_iommufd,
} from '../abi/vfio.ts';
import { HostError } from '../base/errors.ts';
import { pack, unpack } from '../base/layout.ts';
import type { AddressRange } from '../base/range.ts';
import { Fd } from '../host/fd.ts';
import type { HostFiles } from '../host/host-files.ts';
import { ioctlStruct } from '../host/ioctl.ts';
import { withPointer } from '../host/libc.ts';
import { type DmaMemory, type DmaSpace, pin, unsafeInterrupts } from './dma-space.ts';

const PATH = '/dev/iommu';
/** What an IOMMU keeps for itself parts the rest into a few. */
const RANGES_MAX = 256;

/** Whether this process may have all of `addresses` this way. */
export function hasIommufd(addresses: readonly string[], sysfs: HostFiles): boolean {
  return isAccessible(PATH) && addresses.map((address) => deviceFile(address, sysfs)).every(isAccessible);
}

export class Iommufd implements DmaSpace {
  readonly files: number[] = [];
  readonly #fd: Fd;
  readonly #sysfs: HostFiles;
  /** The number of the address space (I/O address space, IOAS). */
  readonly #space: number;

  constructor(sysfs: HostFiles) {
    this.#sysfs = sysfs;
    using owned = new DisposableStack();
    this.#fd = owned.use(
      Fd.open(PATH, O_RDWR, `open ${PATH}`, {
        ENOENT: 'this kernel has no iommufd ("modprobe iommufd"): write "interface: group"',
        EACCES: `have root give it to you: "chown $USER ${PATH}"`,
      }),
    );
    const argument = pack(iommu_ioas_alloc, { size: iommu_ioas_alloc.size });
    ioctlStruct(this.#fd, IOMMU_IOAS_ALLOC, argument, 'make an address space for PCI devices');
    this.#space = unpack(iommu_ioas_alloc, argument).out_ioas_id;
    owned.move();
  }

  openDevice(address: string): Fd {
    const path = deviceFile(address, this.#sysfs);
    if (path === undefined) {
      throw new HostError(
        `Cannot open PCI device ${address}: it is not bound to vfio-pci, or this kernel has no file for it: "orko-vmm doctor" says what is missing, or write "interface: group"`,
      );
    }
    using owned = new DisposableStack();
    const fd = owned.use(
      Fd.open(path, O_RDWR, `open ${path}, which is PCI device ${address}`, {
        EACCES: `have root give it to you: "chown $USER ${path}"`,
      }),
    );
    const binding = pack(vfio_device_bind_iommufd, {
      argsz: vfio_device_bind_iommufd.size,
      iommufd: this.#fd.number,
    });
    ioctlStruct(fd, VFIO_DEVICE_BIND_IOMMUFD, binding, `use PCI device ${address}`, {
      EBUSY: `another program has it ("fuser -v ${path}" as root names it), or a driver of the host has a device of its IOMMU group, which "orko-vmm doctor" shows`,
      EINVAL:
        'another program has it, or its IOMMU group; or its DMA does not see the caches of the CPUs, which iommufd asks for: write "interface: group"',
      EPERM: unsafeInterrupts('iommufd'),
    });
    const attachment = pack(vfio_device_attach_iommufd_pt, {
      argsz: vfio_device_attach_iommufd_pt.size,
      pt_id: this.#space,
    });
    ioctlStruct(fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, attachment, `set up the IOMMU for PCI device ${address}`);
    this.files.push(fd.number);
    owned.move();
    return fd;
  }

  /** Less with each device, whose IOMMU may keep more for itself. */
  get usable(): readonly AddressRange[] {
    const ranges = new Uint8Array(RANGES_MAX * iommu_iova_range.size);
    const count = withPointer(ranges, (pointer) => {
      const argument = pack(iommu_ioas_iova_ranges, {
        ...{ size: iommu_ioas_iova_ranges.size, ioas_id: this.#space },
        ...{ num_iovas: RANGES_MAX, allowed_iovas: pointer },
      });
      ioctlStruct(this.#fd, IOMMU_IOAS_IOVA_RANGES, argument, 'ask the IOMMU what it can do');
      return unpack(iommu_ioas_iova_ranges, argument).num_iovas;
    });
    return Array.from({ length: count }, (_, index) => {
      const { start, last } = unpack(iommu_iova_range, ranges.subarray(index * iommu_iova_range.size));
      return { base: Number(start), size: Number(last - start) + 1 };
    });
  }

  map(memory: DmaMemory): void {
    const { range, pointer } = memory;
    const argument = pack(iommu_ioas_map, {
      size: iommu_ioas_map.size,
      flags: IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE,
      ioas_id: this.#space,
      user_va: pointer,
      length: BigInt(range.size),
      iova: BigInt(range.base),
    });
    pin(this.#fd, IOMMU_IOAS_MAP, argument, memory);
  }

  [Symbol.dispose](): void {
    this.#fd[Symbol.dispose]();
  }
}

/** Where the kernel shows device `address`; undefined where it has no file for it. */
function deviceFile(address: string, sysfs: HostFiles): string | undefined {
  const [name] = sysfs.names(`bus/pci/devices/${address}/vfio-dev`);
  return name === undefined ? undefined : `/dev/vfio/devices/${name}`;
}

function isAccessible(path: string | undefined): boolean {
  if (path === undefined) return false;
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
