/** A PCI device as VFIO gives it: regions that are read and written by file offset, interrupts that signal eventfds (linux/vfio.h). */
import {
  VFIO_DEVICE_FLAGS_RESET,
  VFIO_DEVICE_GET_INFO,
  VFIO_DEVICE_GET_IRQ_INFO,
  VFIO_DEVICE_GET_REGION_INFO,
  VFIO_DEVICE_RESET,
  VFIO_DEVICE_SET_IRQS,
  VFIO_IRQ_SET_ACTION_TRIGGER,
  VFIO_IRQ_SET_ACTION_UNMASK,
  VFIO_IRQ_SET_DATA_EVENTFD,
  VFIO_IRQ_SET_DATA_NONE,
  VFIO_REGION_INFO_CAP_SPARSE_MMAP,
  VFIO_REGION_INFO_FLAG_MMAP,
  vfio_device_info,
  vfio_irq_info,
  vfio_irq_set,
  vfio_region_info,
  vfio_region_info_cap_sparse_mmap,
  vfio_region_sparse_mmap_area,
} from '../abi/vfio.ts';
import { pack, packInto, unpack } from '../base/layout.ts';
import type { EventFd } from '../host/eventfd.ts';
import type { Fd } from '../host/fd.ts';
import { pread, pwrite } from '../host/file-io.ts';
import { ioctlAccepts, ioctlStruct } from '../host/ioctl.ts';
import { capabilities } from './capabilities.ts';

export interface VfioRegion {
  readonly index: number;
  /** Bytes; 0 where the device has no such region. */
  readonly size: number;
  /** In the file of the device. */
  readonly offset: number;
  /** What of it may be mapped, as offsets in the region. */
  readonly mappable: readonly { readonly offset: number; readonly size: number }[];
}

export interface VfioIrqs {
  readonly count: number;
  readonly flags: number;
}

type AccessSize = 1 | 2 | 4 | 8;

export class VfioDevice implements Disposable {
  readonly address: string;
  readonly fd: Fd;
  readonly regions: readonly VfioRegion[];
  readonly irqs: readonly VfioIrqs[];
  readonly canReset: boolean;
  readonly #bytes = new Uint8Array(8);
  readonly #view = new DataView(this.#bytes.buffer);
  #isOpen = true;

  /** Takes `fd` over. */
  constructor(address: string, fd: Fd) {
    this.address = address;
    this.fd = fd;
    const info = pack(vfio_device_info, { argsz: vfio_device_info.size });
    ioctlStruct(fd, VFIO_DEVICE_GET_INFO, info, `ask PCI device ${address} what it has`);
    const { flags, num_regions, num_irqs } = unpack(vfio_device_info, info);
    this.canReset = (flags & VFIO_DEVICE_FLAGS_RESET) !== 0;
    this.regions = Array.from({ length: num_regions }, (_, index) => this.#askRegion(index));
    this.irqs = Array.from({ length: num_irqs }, (_, index) => this.#askIrqs(index));
  }

  /**
   * What stands at `offset` of `region`, zero-extended; undefined when the device does not answer. The kernel accesses the
   * device with `size`, in parts where `offset` is not a multiple of it (drivers/vfio/pci/vfio_pci_rdwr.c).
   */
  read(region: VfioRegion, offset: number, size: 1 | 2 | 4): number | undefined;
  read(region: VfioRegion, offset: number, size: AccessSize): number | bigint | undefined;
  read(region: VfioRegion, offset: number, size: AccessSize): number | bigint | undefined {
    if (!this.#isOpen || pread(this.fd.number, this.#bytes, size, region.offset + offset) !== size) return undefined;
    if (size === 8) return this.#view.getBigUint64(0, true);
    if (size === 4) return this.#view.getUint32(0, true);
    return size === 2 ? this.#view.getUint16(0, true) : this.#view.getUint8(0);
  }

  /** False when the device does not take it. */
  write(region: VfioRegion, offset: number, size: AccessSize, value: number | bigint): boolean {
    if (size === 8) this.#view.setBigUint64(0, BigInt(value), true);
    else this.#view.setUint32(0, Number(value), true);
    return this.#isOpen && pwrite(this.fd.number, this.#bytes, size, region.offset + offset) === size;
  }

  /**
   * Has the interrupts of kind `index` signal `events`, from vector `start` on; where there is none, nothing is signalled. Returns
   * for how many the host has interrupts: where they are fewer nothing was done.
   */
  setEvents(index: number, start: number, events: readonly (EventFd | undefined)[]): number {
    const flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER;
    const header = { flags, index, start, count: events.length };
    return this.#setIrqs(header, events, 'tie its interrupts to eventfds') || events.length;
  }

  /** Ends the interrupts of that kind; those of another may begin then. */
  disable(index: number): void {
    const flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER;
    this.#setIrqs({ flags, index, count: 0 }, [], 'end its interrupts');
  }

  /** For a level interrupt, which the kernel masks whenever it comes: signalling `event` unmasks it. */
  unmaskBy(index: number, event: EventFd): void {
    const flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_UNMASK;
    this.#setIrqs({ flags, index, count: 1 }, [event], 'have its interrupt unmasked');
  }

  /** False when the device cannot be reset alone, or does not want to. */
  reset(): boolean {
    return this.#isOpen && this.canReset && ioctlAccepts(this.fd, VFIO_DEVICE_RESET, new Uint8Array());
  }

  /** What is asked of it from then on, it does not answer. */
  [Symbol.dispose](): void {
    this.#isOpen = false;
    this.fd[Symbol.dispose]();
  }

  #setIrqs(
    header: { flags: number; index: number; start?: number; count: number },
    events: readonly (EventFd | undefined)[],
    doing: string,
  ): number {
    const argsz = vfio_irq_set.size + events.length * 4;
    const argument = new Uint8Array(argsz);
    packInto(argument, vfio_irq_set, { argsz, ...header });
    const view = new DataView(argument.buffer);
    events.forEach((event, at) => {
      view.setInt32(vfio_irq_set.size + at * 4, event?.number ?? -1, true);
    });
    return ioctlStruct(this.fd, VFIO_DEVICE_SET_IRQS, argument, `${doing} (PCI device ${this.address})`, {
      ENOSPC: 'the host has no interrupts left for it',
    });
  }

  #askRegion(index: number): VfioRegion {
    const ask = (size: number) => {
      const argument = new Uint8Array(size);
      packInto(argument, vfio_region_info, { argsz: size, index });
      return ioctlAccepts(this.fd, VFIO_DEVICE_GET_REGION_INFO, argument) ? argument : undefined;
    };
    const brief = ask(vfio_region_info.size);
    // EINVAL is how it says that there is none (VGA).
    if (brief === undefined) return { index, size: 0, offset: 0, mappable: [] };
    const answer = ask(unpack(vfio_region_info, brief).argsz) ?? brief;
    const { flags, size, offset, cap_offset } = unpack(vfio_region_info, answer);
    const whole = { offset: 0, size: Number(size) };
    const mappable = flags & VFIO_REGION_INFO_FLAG_MMAP ? (sparseAreas(answer, cap_offset) ?? [whole]) : [];
    return { index, size: Number(size), offset: Number(offset), mappable };
  }

  #askIrqs(index: number): VfioIrqs {
    const argument = pack(vfio_irq_info, { argsz: vfio_irq_info.size, index });
    if (!ioctlAccepts(this.fd, VFIO_DEVICE_GET_IRQ_INFO, argument)) return { count: 0, flags: 0 };
    const { count, flags } = unpack(vfio_irq_info, argument);
    return { count, flags };
  }
}

/** Where only parts of a region may be mapped. */
function sparseAreas(answer: Uint8Array, first: number): VfioRegion['mappable'] | undefined {
  const found = capabilities(answer, first).get(VFIO_REGION_INFO_CAP_SPARSE_MMAP);
  if (found === undefined) return undefined;
  const { nr_areas } = unpack(vfio_region_info_cap_sparse_mmap, found);
  return Array.from({ length: nr_areas }, (_, index) => {
    const at = vfio_region_info_cap_sparse_mmap.size + index * vfio_region_sparse_mmap_area.size;
    const { offset, size } = unpack(vfio_region_sparse_mmap_area, found.subarray(at));
    return { offset: Number(offset), size: Number(size) };
  });
}
