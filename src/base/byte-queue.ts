/** First in, first out, for bytes, with a bound. Its memory grows with what it holds and is given back when it is empty. */
import { KiB } from './units.ts';

const INITIAL_BYTES = 4 * KiB;

export class ByteQueue {
  /** What it is meant to hold at most; `push` takes no more than that. */
  readonly lengthMax: number;
  #ring = new Uint8Array(0);
  #head = 0;
  #length = 0;

  constructor(lengthMax: number) {
    this.lengthMax = lengthMax;
  }

  get length(): number {
    return this.#length;
  }

  /** Copies what fits of `bytes` to the end; returns how much that was. */
  push(bytes: Uint8Array): number {
    const count = Math.min(bytes.length, this.lengthMax - this.#length);
    this.#reserve(this.#length + count);
    for (let done = 0; done < count; ) {
      const end = (this.#head + this.#length) % this.#ring.length;
      const piece = bytes.subarray(done, Math.min(count, done + this.#ring.length - end));
      this.#ring.set(piece, end);
      this.#length += piece.length;
      done += piece.length;
    }
    return count;
  }

  /** Copies all of `bytes` to the end and drops the oldest bytes for them: the queue becomes the last of what was said. */
  pushOver(bytes: Uint8Array): void {
    const kept = bytes.subarray(Math.max(0, bytes.length - this.lengthMax));
    this.drop(Math.max(0, this.#length + kept.length - this.lengthMax));
    this.push(kept);
  }

  /** The oldest bytes, as far as they lie together: empty only when the queue is. Valid until the next change. */
  peek(): Uint8Array {
    return this.#ring.subarray(this.#head, Math.min(this.#head + this.#length, this.#ring.length));
  }

  /** Removes the oldest `count` bytes. */
  drop(count: number): void {
    this.#length -= count;
    this.#head = this.#length === 0 ? 0 : (this.#head + count) % this.#ring.length;
    if (this.#length === 0) this.#ring = this.#ring.length > INITIAL_BYTES ? new Uint8Array(0) : this.#ring;
  }

  clear(): void {
    this.drop(this.#length);
  }

  /** A copy of everything, oldest first. */
  toBytes(): Uint8Array {
    const result = new Uint8Array(this.#length);
    const first = this.peek();
    result.set(first);
    result.set(this.#ring.subarray(0, this.#length - first.length), first.length);
    return result;
  }

  #reserve(length: number): void {
    if (length <= this.#ring.length) return;
    let size = Math.max(INITIAL_BYTES, this.#ring.length);
    while (size < length) size *= 2;
    const held = this.toBytes();
    this.#ring = new Uint8Array(Math.min(size, Math.max(this.lengthMax, length)));
    this.#ring.set(held);
    this.#head = 0;
  }
}
