/** Files that the other end of a connection gives us to map: what they claim is looked at first. */
import { fstatSync } from 'node:fs';
import { F_ADD_SEALS, F_SEAL_SHRINK } from '../abi/libc.ts';
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

export class SharedFile implements Disposable {
  /** The bytes from the offset on that was asked for. */
  readonly buffer: ArrayBuffer;
  readonly pointer: bigint;
  readonly #mapping: Mapping;

  /** Maps `size` bytes at `offset` of `fd`, which stays the caller's; a PeerFault where the file does not have them. */
  constructor(fd: Fd, offset: bigint, size: bigint, what: string) {
    if (size === 0n || size > OFFSET_MAX || offset > OFFSET_MAX || offset % OFFSET_ALIGNMENT !== 0n) {
      throw new PeerFault(`${what} is said to have ${size} bytes at ${offset} of a file`);
    }
    // Whoever cuts it shorter later would end us by that. Files that are no memfd cannot be sealed.
    fcntl(fd.number, F_ADD_SEALS, F_SEAL_SHRINK);
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
    const options = { what, fd, offset: Number(offset) - lead };
    this.#mapping = blamePeer(() => Mapping.create(length, options));
    this.pointer = this.#mapping.pointer + BigInt(lead);
    this.buffer = viewOf(this.pointer, Number(size));
  }

  [Symbol.dispose](): void {
    this.buffer.transfer(0);
    this.#mapping[Symbol.dispose]();
  }
}
