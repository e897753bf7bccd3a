/**
 * The guest's memory as a back-end gets it ("Memory region description"): regions of files, each at a guest address and at an
 * address of the front-end's, by which rings are named.
 */
import type { GuestAddress } from '../base/range.ts';
import { formatAddress } from '../base/units.ts';
import type { Fd } from '../host/fd.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import type { MemoryRegion } from './payload.ts';
import { PeerFault } from './peer-fault.ts';
import { guestAddressIn, holds } from './regions.ts';
import { SharedFile } from './shared-file.ts';

/** As many as KVM has slots for on older kernels, and as libvhost-user and rust-vmm take. */
export const REGIONS_MAX = 509;
/** Guest addresses have at most 52 bits (FEAT_LPA), and user addresses are not more. */
export const ADDRESS_END = 2n ** 52n;
/** The smallest of any host. */
const PAGE = 4096n;

interface Mapped {
  readonly region: MemoryRegion;
  readonly file: SharedFile;
}

export class MemoryTable implements Disposable {
  /** All of it, for whoever works on it. */
  readonly #memory: GuestMemory;
  #mapped: readonly Mapped[] = [];

  constructor(memory: GuestMemory) {
    this.#memory = memory;
  }

  /** No guest memory lies there and above. */
  get end(): GuestAddress {
    return Math.max(0, ...this.#mapped.map(({ region }) => Number(region.guest_address + region.size)));
  }

  /** There are these regions from now on, and none of those of before: nobody may use them while this is called. */
  replace(regions: readonly MemoryRegion[], fds: readonly Fd[]): void {
    this.#become([]);
    regions.forEach((region, index) => {
      this.add(region, fds[index]!);
    });
  }

  /** The other regions stay where they are, and whoever uses them may go on. */
  add(region: MemoryRegion, fd: Fd): void {
    const { guest_address, size, user_address, mmap_offset } = region;
    const name = describe(region);
    if (this.#mapped.length === REGIONS_MAX) throw new PeerFault(`it gives more than ${REGIONS_MAX} regions of memory`);
    if (guest_address % PAGE !== 0n) throw new PeerFault(`${name} does not begin with a page`);
    if (size === 0n || guest_address + size > ADDRESS_END || BigInt.asUintN(64, user_address + size) < user_address) {
      throw new PeerFault(`${name} lies where no guest memory can be`);
    }
    for (const { region: other } of this.#mapped) {
      const overlaps = (a: bigint, b: bigint) => a < b + other.size && b < a + size;
      if (overlaps(guest_address, other.guest_address) || overlaps(user_address, other.user_address)) {
        throw new PeerFault(`${name} overlaps ${describe(other)}`);
      }
    }
    const file = new SharedFile(fd, mmap_offset, size, name);
    this.#mapped = [...this.#mapped, { region, file }];
    this.#show();
  }

  /** Takes the region of that place away. Nobody may use memory while this is called. */
  remove({ guest_address, size, user_address }: MemoryRegion): void {
    const gone = this.#mapped.find(
      ({ region }) =>
        region.guest_address === guest_address && region.size === size && region.user_address === user_address,
    );
    if (!gone) throw new PeerFault(`it takes memory away that it did not give, ${size} bytes at ${guest_address}`);
    this.#become(this.#mapped.filter((one) => one !== gone));
  }

  /** The guest address of an address of the front-end's. */
  guestAddress(userAddress: bigint, what: string): GuestAddress {
    const found = this.#mapped.find(({ region }) => holds(region, userAddress));
    if (found) return Number(guestAddressIn(found.region, userAddress));
    throw new PeerFault(`${what} lies at 0x${userAddress.toString(16)}, which is in no region of memory`);
  }

  #become(mapped: readonly Mapped[]): void {
    const gone = this.#mapped.filter((one) => !mapped.includes(one));
    this.#mapped = mapped;
    this.#show();
    for (const { file } of gone) file[Symbol.dispose]();
  }

  #show(): void {
    this.#memory.replaceRegions(
      this.#mapped.map(({ region, file: { buffer, pointer } }) => {
        return { range: { base: Number(region.guest_address), size: Number(region.size) }, buffer, pointer };
      }),
    );
  }

  [Symbol.dispose](): void {
    this.#become([]);
  }
}

function describe({ guest_address, size }: MemoryRegion): string {
  return `guest memory of ${size} bytes at ${formatAddress(Number(guest_address))}`;
}
