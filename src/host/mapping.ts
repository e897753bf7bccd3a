/** Memory that other parties see (the guest, the kernel, a back-end): mappings with an owner, and sealed memfds. */
import {
  F_ADD_SEALS,
  F_SEAL_GROW,
  F_SEAL_SEAL,
  F_SEAL_SHRINK,
  MADV_COLLAPSE,
  MADV_HUGEPAGE,
  MADV_POPULATE_WRITE,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_HUGE_SHIFT,
  MAP_HUGETLB,
  MAP_NORESERVE,
  MAP_POPULATE,
  MAP_PRIVATE,
  MAP_SHARED,
  MFD_ALLOW_SEALING,
  MFD_CLOEXEC,
  MFD_HUGETLB,
  PROT_NONE,
  PROT_READ,
  PROT_WRITE,
} from '../abi/libc.ts';
import { assert } from '../base/assert.ts';
import { alignUp } from '../base/bits.ts';
import { formatSize, MiB } from '../base/units.ts';
import { check, hostError, type Remedies } from './errno.ts';
import { Fd } from './fd.ts';
import type { HostPointer } from './libc.ts';
import * as libc from './libc.ts';

const MAP_FAILED = 0xffff_ffff_ffff_ffffn;

export interface MapOptions {
  /** What the memory is for, in errors: "guest RAM". */
  readonly what: string;
  /** Map this file instead of anonymous memory. */
  readonly fd?: Fd;
  readonly offset?: number;
  /** Bytes; the address is a multiple of it. Default: the page size. */
  readonly alignment?: number;
  /** Bytes of one huge page (2 MiB, 1 GiB …) from hugetlbfs' pool; reserved at once, so a short pool is an error here. */
  readonly hugePageSize?: number;
  /** Take every page now: of a file in memory on transparent huge pages, where the kernel can. */
  readonly populate?: boolean;
  /** A write from our side is a SIGSEGV. */
  readonly readOnly?: boolean;
  /** Anonymous memory that stays when its pages are taken out of our address space (MADV_DONTNEED). */
  readonly shared?: boolean;
}

export class Mapping implements Disposable {
  readonly pointer: HostPointer;
  readonly size: number;
  #buffer: ArrayBuffer | undefined;
  #bytes: Uint8Array | undefined;
  #view: DataView | undefined;
  #isMapped = true;

  private constructor(pointer: HostPointer, size: number) {
    this.pointer = pointer;
    this.size = size;
  }

  /**
   * The mapped bytes. Detached at disposal, so that a late access throws instead of ending the process. Made at the first
   * use: V8 takes what an ArrayBuffer shows for memory of ours, and collects garbage when it is much.
   */
  get buffer(): ArrayBuffer {
    assert(this.#isMapped, 'memory was used after it was unmapped');
    this.#buffer ??= libc.viewOf(this.pointer, this.size);
    return this.#buffer;
  }

  get bytes(): Uint8Array {
    this.#bytes ??= new Uint8Array(this.buffer);
    return this.#bytes;
  }

  get view(): DataView {
    this.#view ??= new DataView(this.buffer);
    return this.#view;
  }

  /** Maps `size` bytes, writable unless told otherwise. Anonymous memory is private unless told otherwise, a file is shared. */
  static create(size: number, options: MapOptions): Mapping {
    const { what, fd, offset = 0, alignment = 0, hugePageSize = 0, populate = false, readOnly = false } = options;
    const isShared = fd !== undefined || options.shared === true;
    let flags = isShared ? MAP_SHARED : MAP_PRIVATE;
    if (fd === undefined) flags |= MAP_ANONYMOUS;
    if (hugePageSize === 0) flags |= MAP_NORESERVE;
    else if (fd === undefined) flags |= MAP_HUGETLB | (Math.log2(hugePageSize) << MAP_HUGE_SHIFT);
    const isFileInMemory = fd !== undefined && hugePageSize === 0;
    if (populate && !isFileInMemory) flags |= MAP_POPULATE;
    let address = 0n;
    if (alignment > 0 && hugePageSize === 0) {
      address = reserve(size, alignment, what);
      flags |= MAP_FIXED;
    }
    const doing = `map ${formatSize(size)} for ${what}`;
    const protection = readOnly ? PROT_READ : PROT_READ | PROT_WRITE;
    const pointer = libc.mmap(address, size, protection, flags, fd?.number ?? -1, offset);
    const mapping = new Mapping(checkMap(pointer, doing, hugePageRemedy(size, hugePageSize)), size);
    if (populate && isFileInMemory) mapping.#populate();
    return mapping;
  }

  /**
   * A page that is touched is a huge one only where the host wants that (shmem_enabled, by default `never`). MADV_COLLAPSE (Linux
   * 6.1) does not ask, but leaves alone where there is no page yet. What it refuses gets ordinary pages.
   */
  #populate(): void {
    this.advise(MADV_HUGEPAGE);
    for (let offset = 0; offset < this.size; offset += RAM_ALIGNMENT) {
      libc.madvise(this.pointer + BigInt(offset), 1, MADV_POPULATE_WRITE);
    }
    this.advise(MADV_COLLAPSE);
    this.advise(MADV_POPULATE_WRITE);
  }

  /** Asks the kernel for transparent huge pages, a lock, a hole …: advice, so a refusal is only returned. */
  advise(advice: number): boolean {
    return libc.madvise(this.pointer, this.size, advice) === 0;
  }

  [Symbol.dispose](): void {
    if (!this.#isMapped) return;
    this.#isMapped = false;
    this.#buffer?.transfer(0);
    libc.munmap(this.pointer, this.size);
  }
}

/** Lends `use` the bytes at `pointer`, until it is done: for a part of a mapping of which no view of all is wanted. */
export async function lend(pointer: HostPointer, size: number, use: (bytes: Uint8Array) => Promise<void> | void) {
  const buffer = libc.viewOf(pointer, size);
  try {
    await use(new Uint8Array(buffer));
  } finally {
    buffer.transfer(0);
  }
}

/** Finds an aligned address by reserving too much and giving the ends back. */
function reserve(size: number, alignment: number, what: string): HostPointer {
  const length = size + alignment;
  const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  const doing = `find ${formatSize(size)} of address space for ${what}`;
  const start = checkMap(libc.mmap(0n, length, PROT_NONE, flags, -1, 0), doing);
  const head = alignUp(Number(start), alignment) - Number(start);
  const tail = length - head - size;
  if (head > 0) libc.munmap(start, head);
  if (tail > 0) libc.munmap(start + BigInt(head + size), tail);
  return start + BigInt(head);
}

function checkMap(pointer: bigint | number, doing: string, remedies?: Remedies): HostPointer {
  const address = BigInt.asUintN(64, BigInt(pointer));
  if (address === MAP_FAILED) throw hostError(doing, libc.errno(), remedies);
  return address;
}

function hugePageRemedy(size: number, hugePageSize: number): Remedies {
  if (hugePageSize === 0) return { ENOMEM: 'give the guest less memory' };
  const pool = `/sys/kernel/mm/hugepages/hugepages-${hugePageSize / 1024}kB/nr_hugepages`;
  return { '*': `the pool needs ${Math.ceil(size / hugePageSize)} free pages: write the number to ${pool}` };
}

/**
 * Memory with a file descriptor that another process may map. Sealed against growing and shrinking, so that nobody can
 * turn our accesses into a SIGBUS; never sealed against writing, since the guest writes it.
 */
export function createMemfd(name: string, size: number, hugePageSize = 0): Fd {
  let flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  // MFD_HUGE_SHIFT is the same (linux/memfd.h), but no header of the C library has it.
  if (hugePageSize > 0) flags |= MFD_HUGETLB | (Math.log2(hugePageSize) << MAP_HUGE_SHIFT);
  using owned = new DisposableStack();
  const fd = owned.use(new Fd(check(libc.memfd_create(name, flags), `create the memfd ${name}`)));
  check(libc.ftruncate(fd.number, size), `size the memfd ${name} to ${formatSize(size)}`);
  check(libc.fcntl(fd.number, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL), `seal the memfd ${name}`);
  owned.move();
  return fd;
}

/** RAM is aligned to the block size of stage 2, so that one huge page serves 2 MiB of the guest. */
export const RAM_ALIGNMENT = 2 * MiB;
