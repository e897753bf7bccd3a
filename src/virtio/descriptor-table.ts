/**
 * Descriptors as numbers (virtio 1.4 §2.7.5, §2.8.6: both formats are 16 bytes, the second half differs). A table is either
 * the descriptor area in guest memory, whose entries are read once each, or a private copy of an indirect table.
 */
import { vring_desc } from '../abi/virtio.ts';
import { GuestFault } from '../base/errors.ts';
import type { GuestAddress } from '../base/range.ts';
import { formatAddress } from '../base/units.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';

export const DESCRIPTOR_SIZE = vring_desc.size;
/** Words of a descriptor: the address in two, the length, and the 16-bit pair of its format. */
const WORDS = DESCRIPTOR_SIZE / 4;
/** A guest address has at most 52 bits (FEAT_LPA). */
const ADDRESS_HIGH_END = 2 ** (52 - 32);
/** More indirect entries than this, or than the queue has, are a fault (`indirectEntriesMax`). */
const INDIRECT_ENTRIES = 1024;
/** Up to here a loop is faster than making two objects for TypedArray.set. */
const LOOP_WORDS_MAX = 32;

/**
 * Entries that an indirect table may have. The specification says Queue Size (§2.7.5.3.1), but Linux 6.12 exceeds it when a
 * device's segment limits are larger than its queue (virtqueue_add checks only direct chains).
 */
export function indirectEntriesMax(queueSize: number): number {
  return Math.max(queueSize, INDIRECT_ENTRIES);
}

/** One word pair of a descriptor as an address: a GuestFault beyond 52 bits. */
function joinAddress(low: number, high: number): GuestAddress {
  if (high >= ADDRESS_HIGH_END) throw new GuestFault('a descriptor address is beyond 52 bits');
  return high * 2 ** 32 + low;
}

export class DescriptorTable {
  readonly #words: Uint32Array;

  constructor(words: Uint32Array) {
    this.#words = words;
  }

  /** The descriptor area of a ring with `size` entries, which lies at `address`. */
  static at(memory: GuestMemory, address: GuestAddress, size: number): DescriptorTable {
    const { buffer, byteOffset } = memory.bytes(address, size * DESCRIPTOR_SIZE);
    return new DescriptorTable(new Uint32Array(buffer, byteOffset, size * WORDS));
  }

  address(index: number): GuestAddress {
    return joinAddress(this.#words[index * WORDS]!, this.#words[index * WORDS + 1]!);
  }

  length(index: number): number {
    return this.#words[index * WORDS + 2]!;
  }

  /** Split: flags, then next. Packed: id, then flags. The first is the lower half. */
  pair(index: number): number {
    return this.#words[index * WORDS + 3]!;
  }
}

/** A private copy of the indirect table that is being read: what the driver writes meanwhile cannot be seen (TOCTOU). */
export class IndirectCopy extends DescriptorTable {
  readonly #memory: GuestMemory;
  readonly #bytes: Uint8Array;
  readonly #entriesMax: number;

  constructor(memory: GuestMemory, queueSize: number) {
    const entriesMax = indirectEntriesMax(queueSize);
    const copy = new Uint32Array(entriesMax * WORDS);
    super(copy);
    this.#memory = memory;
    this.#bytes = new Uint8Array(copy.buffer);
    this.#entriesMax = entriesMax;
  }

  /** Takes the table of `length` bytes at `address`; returns how many entries it has. */
  take(address: GuestAddress, length: number): number {
    if (length === 0 || length % DESCRIPTOR_SIZE !== 0) {
      throw new GuestFault(`an indirect table has ${length} bytes, not whole descriptors`);
    }
    const entries = length / DESCRIPTOR_SIZE;
    if (entries > this.#entriesMax) {
      throw new GuestFault(`an indirect table has ${entries} descriptors, more than ${this.#entriesMax}`);
    }
    const region = this.#memory.regionOf(address, length);
    if (region < 0) {
      throw new GuestFault(`an indirect table at ${formatAddress(address)} is not in guest memory`);
    }
    const block = this.#memory.blocks[region]!;
    const from = this.#memory.offsetIn(region, address);
    if (entries * WORDS > LOOP_WORDS_MAX) this.#bytes.set(block.subarray(from, from + length));
    else for (let index = 0; index < length; index++) this.#bytes[index] = block[from + index]!;
    return entries;
  }
}
