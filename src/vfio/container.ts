/** A VFIO container: one address space for the devices of some IOMMU groups (Linux Documentation/driver-api/vfio.rst, type 1). */

import { O_RDWR } from '../abi/libc.ts';
import {
  VFIO_API_VERSION,
  VFIO_CHECK_EXTENSION,
  VFIO_DMA_MAP_FLAG_READ,
  VFIO_DMA_MAP_FLAG_WRITE,
  VFIO_GET_API_VERSION,
  VFIO_IOMMU_GET_INFO,
  VFIO_IOMMU_INFO_CAPS,
  VFIO_IOMMU_MAP_DMA,
  VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE,
  VFIO_SET_IOMMU,
  VFIO_TYPE1v2_IOMMU,
  vfio_iommu_type1_dma_map,
  vfio_iommu_type1_info,
  vfio_iommu_type1_info_cap_iova_range,
  vfio_iova_range,
} from '../abi/vfio.ts';
import { HostError } from '../base/errors.ts';
import { pack, unpack } from '../base/layout.ts';
import type { AddressRange } from '../base/range.ts';
import { Fd } from '../host/fd.ts';
import type { HostFiles } from '../host/host-files.ts';
import { ioctlStruct, ioctlValue } from '../host/ioctl.ts';
import { capabilities } from './capabilities.ts';
import { type DmaMemory, type DmaSpace, pin, unsafeInterrupts } from './dma-space.ts';
import { groupOf, VfioGroup } from './group.ts';

const PATH = '/dev/vfio/vfio';
const NOT_LOADED = 'load the kernel module ("modprobe vfio-pci")';
/** Without an answer of the IOMMU: all that a double can say. */
const EVERYTHING: AddressRange = { base: 0, size: 2 ** 53 };

export class VfioContainer implements DmaSpace {
  readonly usable: readonly AddressRange[];
  readonly #resources = new DisposableStack();
  readonly #fd: Fd;
  /** By number, as sysfs has it. */
  readonly #groups = new Map<string, VfioGroup>();
  readonly #sysfs: HostFiles;

  /** Puts the groups of `addresses`, of which there is at least one, into a new container. */
  constructor(addresses: readonly string[], sysfs: HostFiles) {
    this.#sysfs = sysfs;
    using owned = new DisposableStack();
    for (const name of new Set(addresses.map((address) => groupOf(address, sysfs)))) {
      this.#groups.set(name, owned.use(new VfioGroup(name)));
    }
    this.#fd = owned.use(
      Fd.open(PATH, O_RDWR, `open ${PATH}`, { ENOENT: NOT_LOADED, ENODEV: NOT_LOADED, EACCES: 'ask for access to it' }),
    );
    const version = ioctlValue(this.#fd, VFIO_GET_API_VERSION, 0, 'ask VFIO for its version');
    const hasType1 = ioctlValue(this.#fd, VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU, 'ask VFIO for its IOMMUs') > 0;
    if (version !== VFIO_API_VERSION || !hasType1) {
      throw new HostError(
        'Cannot pass PCI devices through: VFIO of this kernel has no type 1 IOMMU: load the kernel module ("modprobe vfio_iommu_type1")',
      );
    }
    for (const group of this.#groups.values()) group.join(this.#fd);
    ioctlValue(this.#fd, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU, 'set up the IOMMU for PCI devices', {
      EPERM: unsafeInterrupts('vfio_iommu_type1'),
      ENODEV: 'the host has no IOMMU that these devices are behind',
    });
    this.usable = readUsable(this.#fd);
    this.#resources = owned.move();
  }

  openDevice(address: string): Fd {
    return this.#groups.get(groupOf(address, this.#sysfs))!.openDevice(address);
  }

  get files(): readonly number[] {
    return [...this.#groups.values()].map(({ fd }) => fd.number);
  }

  map(memory: DmaMemory): void {
    const { range, pointer } = memory;
    const argument = pack(vfio_iommu_type1_dma_map, {
      argsz: vfio_iommu_type1_dma_map.size,
      flags: VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
      vaddr: pointer,
      iova: BigInt(range.base),
      size: BigInt(range.size),
    });
    pin(this.#fd, VFIO_IOMMU_MAP_DMA, argument, memory);
  }

  [Symbol.dispose](): void {
    this.#resources.dispose();
  }
}

/** The kernel says how much it has to say, and says it the second time. */
function readUsable(fd: Fd): readonly AddressRange[] {
  const ask = (size: number) => {
    const argument = new Uint8Array(size);
    argument.set(pack(vfio_iommu_type1_info, { argsz: size }));
    ioctlStruct(fd, VFIO_IOMMU_GET_INFO, argument, 'ask the IOMMU what it can do');
    return argument;
  };
  const bytes = ask(unpack(vfio_iommu_type1_info, ask(vfio_iommu_type1_info.size)).argsz);
  const { flags, cap_offset } = unpack(vfio_iommu_type1_info, bytes);
  if ((flags & VFIO_IOMMU_INFO_CAPS) === 0) return [EVERYTHING];
  const found = capabilities(bytes, cap_offset).get(VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE);
  if (found === undefined) return [EVERYTHING];
  const { nr_iovas } = unpack(vfio_iommu_type1_info_cap_iova_range, found);
  return Array.from({ length: nr_iovas }, (_, index) => {
    const at = vfio_iommu_type1_info_cap_iova_range.size + index * vfio_iova_range.size;
    const { start, end } = unpack(vfio_iova_range, found.subarray(at));
    return { base: Number(start), size: Number(end - start) + 1 };
  });
}
