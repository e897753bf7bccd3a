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
export const DESCRIPTOR_WORDS = DESCRIPTOR_SIZE / 4;
/** More indirect entries than this, or than the queue has, are a fault (`indirectEntriesMax`). */
const INDIRECT_ENTRIES = 1024;
/** Up to here a loop is faster than making two objects for TypedArray.set. */
const LOOP_ENTRIES_MAX = 16;
/** Words up to here have integers for indices. */
const LOOP_OFFSET_MAX = 2 ** 32;

/**
 * Entries that an indirect table may have. The specification says Queue Size (§2.7.5.3.1), but Linux 6.12 exceeds it when a
 * device's segment limits are larger than its queue (virtqueue_add checks only direct chains).
 */
export function indirectEntriesMax(queueSize: number): number {
  return Math.max(queueSize, INDIRECT_ENTRIES);
}

/** The descriptor area of a ring with `size` entries, which lies at `address`. */
export function descriptorTable(memory: GuestMemory, address: GuestAddress, size: number): Uint32Array {
  const { buffer, byteOffset } = memory.bytes(address, size * DESCRIPTOR_SIZE);
  return new Uint32Array(buffer, byteOffset, size * DESCRIPTOR_WORDS);
}

/** A private copy of the indirect table that is being read: what the driver writes meanwhile cannot be seen (TOCTOU). */
export class IndirectCopy {
  readonly #memory: GuestMemory;
  readonly #entriesMax: number;
  /** As long as the longest table that came: most queues see none, or short ones. */
  #words = new Uint32Array(0);

  constructor(memory: GuestMemory, queueSize: number) {
    this.#memory = memory;
    this.#entriesMax = indirectEntriesMax(queueSize);
  }

  /** The table that was taken last. */
  get words(): Uint32Array {
    return this.#words;
  }

  /** Takes the table that the descriptor at `ring[at]` names; returns how many entries it has. */
  take(ring: Uint32Array, at: number): number {
    const address = ring[at + 1]! * 2 ** 32 + ring[at]!;
    const length = ring[at + 2]!;
    if (length === 0 || length % DESCRIPTOR_SIZE !== 0) {
      throw new GuestFault(`an indirect table has ${length} bytes, not whole descriptors`);
    }
    const entries = length / DESCRIPTOR_SIZE;
    if (entries > this.#entriesMax) {
      throw new GuestFault(`an indirect table has ${entries} descriptors, more than ${this.#entriesMax}`);
    }
    const region = this.#memory.regionOf(address, length);
    if (region < 0) throw new GuestFault(`an indirect table at ${formatAddress(address)} is not in guest memory`);
    const from = address - this.#memory.bases[region]!;
    if (this.#words.length < entries * DESCRIPTOR_WORDS) this.#words = new Uint32Array(entries * DESCRIPTOR_WORDS);
    if (entries > LOOP_ENTRIES_MAX || from % 4 !== 0 || from > LOOP_OFFSET_MAX) {
      new Uint8Array(this.#words.buffer).set(this.#memory.blocks[region]!.subarray(from, from + length));
    } else {
      const source = this.#memory.words[region]!;
      const words = this.#words;
      const first = (from / 4) | 0;
      for (let word = 0; word < entries * DESCRIPTOR_WORDS; word++) words[word] = source[first + word]!;
    }
    return entries;
  }
}
