/**
 * Gives pieces of guest RAM back to the host: private anonymous memory is dropped, from a memfd the pages are cut out
 * (MADV_REMOVE is FALLOC_FL_PUNCH_HOLE by address), so that every process that maps it sees the hole.
 */
import { MADV_DONTNEED, MADV_REMOVE } from '../abi/libc.ts';
import type { ReclaimableRam } from '../devices/virtio-balloon.ts';
import { describeErrno } from '../host/errno.ts';
import * as libc from '../host/libc.ts';
import { type MemoryArea, memoryAreaAt } from '../host/memory-area.ts';
import { pageSize } from '../host/page-size.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';

interface Piece {
  readonly start: number;
  readonly end: number;
  readonly advice: number;
}

export class HostRam implements ReclaimableRam {
  readonly granule = pageSize();
  readonly #log: (message: string) => void;
  readonly #pieces: readonly Piece[];
  #refusal: string | undefined;

  constructor(memory: GuestMemory, log: (message: string) => void) {
    this.#log = log;
    const areas = memory.regions.map(({ pointer, range }) => {
      const start = Number(pointer);
      return { start, end: start + range.size, area: memoryAreaAt(start) };
    });
    this.#pieces = areas
      .filter(({ area }) => area !== undefined && isRam(area))
      .map(({ start, end, area }) => ({ start, end, advice: area!.isShared ? MADV_REMOVE : MADV_DONTNEED }));
    // What comes out of the pool stays reserved for us, and a page that we gave away could be missing later: a SIGBUS.
    if (areas.some(({ area }) => area !== undefined && area.pageSize > this.granule)) {
      this.#refusal = "guest RAM is from the host's huge-page pool, which keeps the pages for it (memory.hugepages)";
    }
  }

  canDiscard(): string | undefined {
    return this.#refusal;
  }

  discard(pointer: number, size: number): void {
    for (const { start, end, advice } of this.#pieces) {
      const from = Math.max(start, pointer);
      const to = Math.min(end, pointer + size);
      if (from >= to || this.#refusal !== undefined || libc.madvise(BigInt(from), to - from, advice) === 0) continue;
      this.#refusal = `the kernel does not take it (${describeErrno(libc.errno())})`;
      this.#log(`Memory of the guest cannot be given back to the host: ${this.#refusal}`);
    }
  }
}

/** Not a file's pages: those the guest has by way of virtio-pmem. */
function isRam({ path }: MemoryArea): boolean {
  return path === '' || path.startsWith('/memfd:') || path.startsWith('/anon_hugepage') || path.startsWith('[anon:');
}
