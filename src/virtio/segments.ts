/**
 * One half of a descriptor chain, all that the device may read or all that it may write: a list of places in guest memory
 * with a cursor. The numbers live in typed arrays that a chain keeps for its next life, so filling it makes no object.
 */
import { assert } from '../base/assert.ts';
import type { GuestAddress } from '../base/range.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import type { IovecTable } from './iovec-table.ts';

/** More than nearly every chain has; longer ones grow the arrays once. */
const SEGMENTS_AT_FIRST = 8;
/** Words of a descriptor that both ring formats have in the same places (§2.7.5, §2.8.6). */
const Desc = { ADDRESS: 0, ADDRESS_HIGH: 1, LENGTH: 2 } as const;
const WORD = 2 ** 32;
/** Up to here a loop over bytes is faster than making two objects for TypedArray.set. */
const LOOP_BYTES_MAX = 64;
/** The largest index into memory that is an integer to the compiler. */
const INTEGER_MAX = 2 ** 31 - 1;

export class Segments {
  readonly #memory: GuestMemory;
  readonly #isWritable: boolean;
  #regions = new Uint32Array(SEGMENTS_AT_FIRST);
  #offsets = new Float64Array(SEGMENTS_AT_FIRST);
  #lengths = new Uint32Array(SEGMENTS_AT_FIRST);
  #count = 0;
  /** Bytes in all. */
  #length = 0;
  // The cursor: a segment, an offset into it, and the bytes after it.
  #segment = 0;
  #offset = 0;
  #left = 0;

  constructor(memory: GuestMemory, half: 'readable' | 'writable') {
    this.#memory = memory;
    this.#isWritable = half === 'writable';
  }

  get length(): number {
    return this.#length;
  }

  get left(): number {
    return this.#left;
  }

  clear(): void {
    this.#count = 0;
    this.#length = 0;
    this.#segment = 0;
    this.#offset = 0;
    this.#left = 0;
  }

  /**
   * Appends what the descriptor at `words[at]` names, and returns whether all of it is guest memory. The address is put
   * together, looked up and stored here: as an argument it would be an object, wherever the compiler does not inline.
   */
  add(words: Uint32Array, at: number): boolean {
    const address = words[at + Desc.ADDRESS_HIGH]! * WORD + words[at + Desc.ADDRESS]!;
    const length = words[at + Desc.LENGTH]!;
    if (length === 0) return true;
    const { bases, ends, writableCount } = this.#memory;
    const count = this.#isWritable ? writableCount : bases.length;
    let region = 0;
    // Above 2^53 the sum is not exact, but far from any end.
    while (address < bases[region]! || address + length > ends[region]!) {
      if (++region === count) return false;
    }
    const index = this.#count++;
    if (index === this.#regions.length) this.#grow();
    this.#regions[index] = region;
    this.#offsets[index] = address - bases[region]!;
    this.#lengths[index] = length;
    this.#length += length;
    this.#left += length;
    return true;
  }

  /** Tells `log` of all of it. */
  logTo(log: { wrote(address: GuestAddress, length: number): void }): void {
    const { bases } = this.#memory;
    for (let index = 0; index < this.#count; index++) {
      log.wrote(bases[this.#regions[index]!]! + this.#offsets[index]!, this.#lengths[index]!);
    }
  }

  /** Copies the bytes at the cursor to `target` and moves on; returns how many. */
  copyTo(target: Uint8Array): number {
    const wanted = Math.min(target.length, this.#left);
    for (let done = 0; done < wanted; ) {
      const place = this.#offsets[this.#segment]! + this.#offset;
      const block = this.#memory.blocks[this.#regions[this.#segment]!]!;
      const count = this.#step(wanted - done);
      copy(block, place, target, done, count);
      done += count;
    }
    return wanted;
  }

  /** Copies `source` to the bytes at the cursor and moves on; returns how many had room. */
  copyFrom(source: Uint8Array): number {
    const wanted = Math.min(source.length, this.#left);
    for (let done = 0; done < wanted; ) {
      const place = this.#offsets[this.#segment]! + this.#offset;
      const block = this.#memory.blocks[this.#regions[this.#segment]!]!;
      const count = this.#step(wanted - done);
      copy(source, done, block, place, count);
      done += count;
    }
    return wanted;
  }

  /** Moves the cursor by `count` bytes, at most to the end. */
  skip(count: number): void {
    for (let left = Math.min(count, this.#left); left > 0; ) left -= this.#step(left);
  }

  /** Writes `bytes` at `offset`, wherever the cursor is. */
  writeAt(offset: number, bytes: Uint8Array): void {
    assert(offset >= 0 && offset + bytes.length <= this.#length, 'a device wrote beyond its chain');
    // From the end: it is mostly a status byte.
    let segment = this.#count - 1;
    let start = this.#length - this.#lengths[segment]!;
    while (start > offset) start -= this.#lengths[--segment]!;
    start = offset - start;
    for (let done = 0; done < bytes.length; segment++, start = 0) {
      const count = Math.min(this.#lengths[segment]! - start, bytes.length - done);
      const block = this.#memory.blocks[this.#regions[segment]!]!;
      copy(bytes, done, block, this.#offsets[segment]! + start, count);
      done += count;
    }
  }

  /** Appends what lies at [offset, offset + length) to `table`, as far as it has room; returns how many entries. */
  appendTo(table: IovecTable, offset: number, length: number): number {
    assert(offset >= 0 && length >= 0 && offset + length <= this.#length, 'a device took iovecs beyond its chain');
    const before = table.count;
    let segment = 0;
    let start = offset;
    for (; start > 0 && start >= this.#lengths[segment]!; segment++) start -= this.#lengths[segment]!;
    for (let left = length; left > 0 && table.count < table.capacity; segment++, start = 0) {
      const count = Math.min(this.#lengths[segment]! - start, left);
      table.append(this.#memory.pointers[this.#regions[segment]!]! + this.#offsets[segment]! + start, count);
      left -= count;
    }
    return table.count - before;
  }

  /** Moves the cursor by at most `countMax` bytes, not beyond the end of its segment; returns how many. */
  #step(countMax: number): number {
    const left = this.#lengths[this.#segment]! - this.#offset;
    const count = Math.min(left, countMax);
    this.#left -= count;
    if (count < left) this.#offset += count;
    else {
      this.#segment++;
      this.#offset = 0;
    }
    return count;
  }

  #grow(): void {
    const grown = <T extends Uint32Array | Float64Array>(larger: T, old: T) => {
      larger.set(old);
      return larger;
    };
    const capacity = 2 * this.#regions.length;
    this.#regions = grown(new Uint32Array(capacity), this.#regions);
    this.#offsets = grown(new Float64Array(capacity), this.#offsets);
    this.#lengths = grown(new Uint32Array(capacity), this.#lengths);
  }
}

function copy(source: Uint8Array, from: number, target: Uint8Array, to: number, count: number): void {
  if (count > LOOP_BYTES_MAX) {
    target.set(source.subarray(from, from + count), to);
  } else if (from > INTEGER_MAX || to > INTEGER_MAX) {
    for (let index = 0; index < count; index++) target[to + index] = source[from + index]!;
  } else {
    // The same, said to be integers: offsets come out of an array of doubles, and are counted as such where they are large.
    const first = from | 0;
    const into = to | 0;
    for (let index = 0; index < count; index++) target[into + index] = source[first + index]!;
  }
}
