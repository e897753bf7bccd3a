/** An array of `struct iovec` over guest memory, for readv, writev, preadv, pwritev and io_uring: no byte is copied. */
import { assert } from '../base/assert.ts';

/** sizeof(struct iovec) on 64-bit machines: void *iov_base, size_t iov_len (iovec(3type)). */
const IOVEC_SIZE = 16;
const IOVEC_WORDS = IOVEC_SIZE / 4;
const WORD = 2 ** 32;

export class IovecTable {
  /** The array itself; its first `count` entries count. */
  readonly bytes: Uint8Array;
  readonly capacity: number;
  readonly #words: Uint32Array;
  #count = 0;
  #byteLength = 0;

  /** Room for `capacity` entries. A call that outlives its statement needs them in memory that stays: `bytes`, 8-aligned. */
  constructor(capacity: number, bytes: Uint8Array = new Uint8Array(capacity * IOVEC_SIZE)) {
    assert(bytes.length >= capacity * IOVEC_SIZE, 'an iovec table is longer than its memory');
    this.bytes = bytes;
    this.capacity = capacity;
    this.#words = new Uint32Array(bytes.buffer, bytes.byteOffset, capacity * IOVEC_WORDS);
  }

  get count(): number {
    return this.#count;
  }

  /** Bytes that all entries name together. */
  get byteLength(): number {
    return this.#byteLength;
  }

  clear(): void {
    this.#count = 0;
    this.#byteLength = 0;
  }

  pointerOf(index: number): number {
    return this.#words[index * IOVEC_WORDS]! + this.#words[index * IOVEC_WORDS + 1]! * WORD;
  }

  lengthOf(index: number): number {
    return this.#words[index * IOVEC_WORDS + 2]! + this.#words[index * IOVEC_WORDS + 3]! * WORD;
  }

  /** `pointer` is an address of our process, < 2^53. */
  append(pointer: number, length: number): void {
    assert(this.#count < this.capacity, 'an iovec table is full');
    const words = this.#words;
    const at = this.#count++ * IOVEC_WORDS;
    words[at] = pointer; // stored modulo 2^32
    words[at + 1] = pointer / WORD;
    words[at + 2] = length;
    words[at + 3] = length / WORD;
    this.#byteLength += length;
  }

  /** Becomes a copy of `other`, which has to fit. */
  copy(other: IovecTable): void {
    assert(other.count <= this.capacity, 'an iovec table is too short for a copy');
    this.bytes.set(other.bytes.subarray(0, other.count * IOVEC_SIZE));
    this.#count = other.count;
    this.#byteLength = other.byteLength;
  }

  /** Takes the first `length` bytes away: a call has dealt with them and not with the rest. */
  drop(length: number): void {
    const words = this.#words;
    let at = 0;
    let left = length;
    for (; left > 0 && left >= lengthAt(words, at); at += IOVEC_WORDS) left -= lengthAt(words, at);
    words.copyWithin(0, at, this.#count * IOVEC_WORDS);
    this.#count -= at / IOVEC_WORDS;
    this.#byteLength -= length;
    if (left === 0) return;
    const pointer = words[0]! + words[1]! * WORD + left;
    const rest = lengthAt(words, 0) - left;
    words[0] = pointer;
    words[1] = pointer / WORD;
    words[2] = rest;
    words[3] = rest / WORD;
  }
}

function lengthAt(words: Uint32Array, at: number): number {
  return words[at + 2]! + words[at + 3]! * WORD;
}
