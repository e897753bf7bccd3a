/**
 * Decides where kernel, initrd and DTB lie in guest RAM (the kernel's Documentation/arch/arm64/booting.rst §2 and §4).
 *
 * An Image that says how much memory it takes is packed from the start of RAM, so that as few 2 MiB pages as possible
 * are touched before init runs and nothing has to move:  │ Image … .bss │ DTB │ initrd │ free
 * What follows a kernel that does not say (raw binaries, Linux before 3.17) belongs to it; initrd and DTB then lie where
 * QEMU's virt machine puts them, half of RAM away but at most 128 MiB, so that payloads made for it run unchanged.
 */
import { assert } from '../base/assert.ts';
import { alignDown, alignUp } from '../base/bits.ts';
import { ConfigError } from '../base/errors.ts';
import { type AddressRange, endOf, formatRange, type GuestAddress } from '../base/range.ts';
import { formatSize, GiB, KiB, MiB } from '../base/units.ts';
import type { Kernel } from './image.ts';

/** An Image lies text_offset bytes above such a base; a DTB is mapped by one such block. */
const BLOCK_BYTES = 2 * MiB;
/** The largest page of any host and guest: what starts on one shares no page with its neighbour. */
const PAGE_BYTES_MAX = 64 * KiB;
export const DTB_BYTES_MAX = BLOCK_BYTES;
/** hw/arm/boot.c of QEMU: KERNEL64_LOAD_ADDR, and the distance of what follows the kernel. */
const RAW_OFFSET = 512 * KiB;
const DISTANCE_MAX = 128 * MiB;
/** "entirely within a 1 GB aligned physical memory window of up to 32 GB … that fully covers the kernel Image as well". */
const WINDOW_ALIGNMENT = GiB;
const WINDOW_BYTES = 32 * GiB;
/** Flag bit 3: "within the 48-bit addressable range of physical memory". */
const IMAGE_END_MAX = 2 ** 48;

export interface PlacementRequest {
  /** The range of RAM that holds it all. */
  readonly ram: AddressRange;
  readonly kernel: Kernel;
  /** 0 when there is none. */
  readonly initrdBytes: number;
  /** What to keep free for the DTB, which can only be written once the addresses are known. */
  readonly dtbBytesMax: number;
}

export interface Placement {
  /** Base: where the file's first byte goes. Size: what the kernel needs, .bss included. */
  readonly kernel: AddressRange;
  readonly entry: GuestAddress;
  readonly dtb: AddressRange;
  readonly initrd: AddressRange | undefined;
}

/** Throws ConfigError when RAM is too small, with the size that would do. */
export function place(request: PlacementRequest): Placement {
  const { ram, dtbBytesMax } = request;
  assert(dtbBytesMax > 0 && dtbBytesMax <= DTB_BYTES_MAX, `a DTB of ${dtbBytesMax} bytes cannot be placed`);
  const kernel = kernelRange(request);
  const packed = placeFrom(endOf(kernel), kernel, request);
  if (lastOf(packed) > endOf(ram)) throw doesNotFit(packed, request);
  checkWindow(packed);
  if (request.kernel.kind === 'image' && request.kernel.memoryKnown) return packed;
  const distant = Math.max(endOf(kernel), ram.base + Math.min(ram.size / 2, DISTANCE_MAX));
  const spread = placeFrom(distant, kernel, request);
  return lastOf(spread) > endOf(ram) ? packed : spread;
}

function kernelRange({ ram, kernel }: PlacementRequest): AddressRange {
  if (kernel.kind === 'raw') return { base: ram.base + RAW_OFFSET, size: kernel.fileBytes };
  return { base: alignUp(ram.base, BLOCK_BYTES) + kernel.textOffset, size: kernel.memoryBytes };
}

/** DTB and initrd, in this order, from `start` on. */
function placeFrom(start: GuestAddress, kernel: AddressRange, request: PlacementRequest): Placement {
  const dtb = { base: dtbBase(start, request.dtbBytesMax), size: request.dtbBytesMax };
  const initrd =
    request.initrdBytes > 0 ? { base: alignUp(endOf(dtb), PAGE_BYTES_MAX), size: request.initrdBytes } : undefined;
  return { kernel, entry: kernel.base, dtb, initrd };
}

/** The first place from `start` on where `size` bytes lie in one block: often the rest of the kernel's last one. */
function dtbBase(start: GuestAddress, size: number): GuestAddress {
  const base = alignUp(start, PAGE_BYTES_MAX);
  const crosses = alignDown(base, BLOCK_BYTES) !== alignDown(base + size - 1, BLOCK_BYTES);
  return crosses ? alignUp(base, BLOCK_BYTES) : base;
}

function lastOf({ dtb, initrd }: Placement): GuestAddress {
  return endOf(initrd ?? dtb);
}

function checkWindow({ kernel, initrd }: Placement): void {
  if (endOf(kernel) > IMAGE_END_MAX) {
    throw new ConfigError(
      `Cannot place the kernel at ${formatRange(kernel)}: Linux boots below 256 TiB: lower memory.base`,
      {
        keyPath: 'memory.base',
      },
    );
  }
  if (initrd && endOf(initrd) > alignDown(kernel.base, WINDOW_ALIGNMENT) + WINDOW_BYTES) {
    throw new ConfigError(
      `Cannot place the initrd: with ${formatSize(initrd.size)} it ends more than ${formatSize(WINDOW_BYTES)} above the kernel: give a smaller one`,
      { keyPath: 'kernel.initrd' },
    );
  }
}

function doesNotFit(placement: Placement, { ram, initrdBytes }: PlacementRequest): ConfigError {
  const needed = `give the guest at least ${Math.ceil((lastOf(placement) - ram.base) / MiB)} MiB of memory`;
  const { kernel, dtb, initrd } = placement;
  if (initrd && endOf(dtb) <= endOf(ram)) {
    return new ConfigError(
      `Cannot place the initrd: it is too large: its ${formatSize(initrdBytes)} do not fit into ${formatSize(ram.size)} of memory beside the kernel: ${needed}`,
      { keyPath: 'kernel.initrd' },
    );
  }
  return new ConfigError(
    `Cannot place the kernel: its ${formatSize(kernel.size)} do not fit into ${formatSize(ram.size)} of memory: ${needed}`,
    { keyPath: 'memory' },
  );
}
