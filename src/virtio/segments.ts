/**
 * One half of a descriptor chain, all that the device may read or all that it may write: a list of places in guest memory
 * with a cursor. The numbers live in typed arrays that a chain keeps for its next life, so filling it makes no object.
 */
import { assert } from '../base/assert.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import type { IovecTable } from './iovec-table.ts';

/** More than nearly every chain has; longer ones grow the arrays once. */
const SEGMENTS_AT_FIRST = 8;
/** Up to here a loop over bytes is faster than making two objects for TypedArray.set. */
const LOOP_BYTES_MAX = 64;

export class Segments {
  readonly #memory: GuestMemory;
  #regions = new Uint32Array(SEGMENTS_AT_FIRST);
  #offsets = new Float64Array(SEGMENTS_AT_FIRST);
  #lengths = new Float64Array(SEGMENTS_AT_FIRST);
  #count = 0;
  /** Bytes in all. */
  #length = 0;
  // The cursor: a segment, an offset into it, and the bytes after it.
  #segment = 0;
  #offset = 0;
  #left = 0;

  constructor(memory: GuestMemory) {
    this.#memory = memory;
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

  /** Appends `length` > 0 bytes that the caller has found in `region`. */
  add(region: number, offset: number, length: number): void {
    const index = this.#count++;
    if (index === this.#regions.length) this.#grow();
    this.#regions[index] = region;
    this.#offsets[index] = offset;
    this.#lengths[index] = length;
    this.#length += length;
    this.#left += length;
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
    let segment = 0;
    let start = offset;
    for (; start >= this.#lengths[segment]! && segment < this.#count; segment++) start -= this.#lengths[segment]!;
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
    let start = offset;
    let left = length;
    for (let segment = 0; left > 0 && table.count < table.capacity; segment++) {
      const size = this.#lengths[segment]!;
      if (start >= size) {
        start -= size;
        continue;
      }
      const count = Math.min(size - start, left);
      table.append(this.#memory.pointerIn(this.#regions[segment]!, this.#offsets[segment]! + start), count);
      left -= count;
      start = 0;
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
    this.#lengths = grown(new Float64Array(capacity), this.#lengths);
  }
}

function copy(source: Uint8Array, from: number, target: Uint8Array, to: number, count: number): void {
  if (count > LOOP_BYTES_MAX) target.set(source.subarray(from, from + count), to);
  else for (let index = 0; index < count; index++) target[to + index] = source[from + index]!;
}
