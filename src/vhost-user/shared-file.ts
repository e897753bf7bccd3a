/** Files that the other end of a connection gives us to map: what they claim is looked at first. */
import { fstatSync, statfsSync } from 'node:fs';
import { F_ADD_SEALS, F_GET_SEALS, F_SEAL_SHRINK, TMPFS_MAGIC } from '../abi/libc.ts';
import { alignUp } from '../base/bits.ts';
import { formatSize } from '../base/units.ts';
import type { Fd } from '../host/fd.ts';
import { fcntl, viewOf } from '../host/libc.ts';
import { Mapping } from '../host/mapping.ts';
import { pageSize } from '../host/page-size.ts';
import { blamePeer, PeerFault } from './peer-fault.ts';

/** What an address of ours can be added to and stay a whole number. */
const OFFSET_MAX = 2n ** 52n;
/** The smallest page of any host: what lies aligned in the guest lies aligned here too, as atomic accesses need it. */
const OFFSET_ALIGNMENT = 4096n;

export interface SharedFileOptions {
  readonly readOnly?: boolean;
  /** Somebody will look at it whose look nobody can catch, a guest: so it has to be there for good. */
  readonly isForGuest?: boolean;
}

export class SharedFile implements Disposable {
  readonly pointer: bigint;
  readonly #size: number;
  readonly #mapping: Mapping;
  #buffer: ArrayBuffer | undefined;

  /** Maps `size` bytes at `offset` of `fd`, which stays the caller's; a PeerFault where the file does not have them. */
  constructor(fd: Fd, offset: bigint, size: bigint, what: string, options: SharedFileOptions = {}) {
    if (size === 0n || size > OFFSET_MAX || offset > OFFSET_MAX || offset % OFFSET_ALIGNMENT !== 0n) {
      throw new PeerFault(`${what} is said to have ${size} bytes at ${offset} of a file`);
    }
    // Whoever cuts it shorter later would end us by that. Files that are no memfd cannot be sealed.
    fcntl(fd.number, F_ADD_SEALS, F_SEAL_SHRINK);
    if (options.isForGuest) checkStays(fd, what);
    const file = fstatSync(fd.number, { bigint: true });
    if (!file.isFile()) throw new PeerFault(`${what} comes as something that is not a file`);
    if (offset + size > file.size) {
      const [wanted, has] = [formatSize(Number(offset + size)), formatSize(Number(file.size))];
      throw new PeerFault(`${what} ends at ${wanted} of a file of ${has}`);
    }
    // Huge pages are mapped whole: the size of a block is theirs.
    const alignment = Math.max(pageSize(), Number(file.blksize));
    const lead = Number(offset) % alignment;
    const length = alignUp(lead + Number(size), alignment);
    const { readOnly = false } = options;
    this.#mapping = blamePeer(() => Mapping.create(length, { what, fd, offset: Number(offset) - lead, readOnly }));
    this.pointer = this.#mapping.pointer + BigInt(lead);
    this.#size = Number(size);
  }

  /** The bytes from the offset on that was asked for. Made at the first use (see Mapping.buffer). */
  get buffer(): ArrayBuffer {
    this.#buffer ??= viewOf(this.pointer, this.#size);
    return this.#buffer;
  }

  [Symbol.dispose](): void {
    this.#buffer?.transfer(0);
    this.#mapping[Symbol.dispose]();
  }
}

/** Neither cut short, as any file can be that is not sealed, nor short of huge pages, which nobody has reserved. */
function checkStays(fd: Fd, what: string): void {
  const seals = fcntl(fd.number, F_GET_SEALS, 0);
  if (seals >= 0 && (seals & F_SEAL_SHRINK) !== 0 && statfsSync(`/proc/self/fd/${fd.number}`).type === TMPFS_MAGIC)
    return;
  throw new PeerFault(`${what} comes as a file that may be cut short: only a memfd without huge pages cannot be`);
}
