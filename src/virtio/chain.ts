/**
 * A descriptor chain (virtio 1.4 §2.7.5, §2.8.6): one buffer of the driver, as a reader over its device-readable part and
 * a writer over its device-writable part. The ring has copied and checked every descriptor before a device sees it. The
 * driver may cut a request into descriptors as it likes (§2.7.4): devices see two strings of bytes and no borders.
 *
 * Chains are pooled: a queue makes as many as are held at once, and none after that.
 */
import { assert } from '../base/assert.ts';
import { GuestFault } from '../base/errors.ts';
import type { GuestAddress } from '../base/range.ts';
import { formatAddress } from '../base/units.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import type { IovecTable } from './iovec-table.ts';
import { Segments } from './segments.ts';

export { IovecTable } from './iovec-table.ts';

/** The longest chain in bytes: a used length has 32 bits (§2.7.5: "the total length must not exceed 2^32 bytes"). */
const CHAIN_BYTES_MAX = 2 ** 32;

/** Whoever gets a chain back: its queue. */
export interface ChainOwner {
  completed(chain: DescriptorChain): void;
}

export class DescriptorChain {
  readonly #owner: ChainOwner;
  readonly #readable: Segments;
  readonly #writable: Segments;
  #id = 0;
  #slots = 0;
  /** Bytes up to the end of the last write(). */
  #written = 0;
  #used = 0;
  #held = false;

  constructor(memory: GuestMemory, owner: ChainOwner) {
    this.#owner = owner;
    this.#readable = new Segments(memory, 'readable');
    this.#writable = new Segments(memory, 'writable');
  }

  /** Bytes of the device-readable part in all. */
  get readableLength(): number {
    return this.#readable.length;
  }

  /** Bytes of the device-writable part in all. */
  get writableLength(): number {
    return this.#writable.length;
  }

  /** Bytes that read() has not come to. */
  get readLeft(): number {
    return this.#readable.left;
  }

  /** Bytes that write() has not come to. */
  get writeLeft(): number {
    return this.#writable.left;
  }

  /** Copies the next readable bytes to `target`; returns how many there were. */
  read(target: Uint8Array): number {
    return this.#readable.copyTo(target);
  }

  /** Copies `source` to the next writable bytes; returns how many had room. */
  write(source: Uint8Array): number {
    const count = this.#writable.copyFrom(source);
    this.#written = this.#writable.length - this.#writable.left;
    return count;
  }

  /** Passes over `count` readable bytes, or those that are left. */
  skipRead(count: number): void {
    this.#readable.skip(count);
  }

  /** Passes over `count` writable bytes, or those that are left. */
  skipWrite(count: number): void {
    this.#writable.skip(count);
  }

  /** Writes `bytes` at `offset` of the writable part, wherever write() is: a status byte at its end. */
  writeAt(offset: number, bytes: Uint8Array): void {
    this.#writable.writeAt(offset, bytes);
  }

  /**
   * Appends [offset, offset + length) of the readable part to `table`, and moves no cursor. Returns how many entries; when
   * the table was too short, its `byteLength` is less than `length` and the rest is for another call.
   */
  readableIovecs(table: IovecTable, offset: number, length: number): number {
    return this.#readable.appendTo(table, offset, length);
  }

  /** The same for the writable part. */
  writableIovecs(table: IovecTable, offset: number, length: number): number {
    return this.#writable.appendTo(table, offset, length);
  }

  /** Gives the buffer back, `written` bytes of its writable part filled. The chain is another buffer's from here on. */
  complete(written = this.#written): void {
    assert(this.#held, 'a device completed a chain twice');
    assert(written >= 0 && written <= this.#writable.length, 'a device says that it wrote more than its chain holds');
    this.#held = false;
    this.#used = written;
    this.#owner.completed(this);
  }

  /** For the ring: what the used entry names (§2.7.8, §2.8.13). */
  get id(): number {
    return this.#id;
  }

  /** For the ring: how many of its entries the chain took. */
  get slots(): number {
    return this.#slots;
  }

  /** For the ring: how long the driver is to believe the buffer is filled; set by complete(). */
  get used(): number {
    return this.#used;
  }

  /** For the queue: a device has it and has not completed it. */
  get isHeld(): boolean {
    return this.#held;
  }

  /** For the queue: what a device may have written. */
  logWritable(log: { wrote(address: GuestAddress, length: number): void }): void {
    this.#writable.logTo(log);
  }

  /** For the ring: begins another buffer. */
  begin(): void {
    this.#readable.clear();
    this.#writable.clear();
    this.#written = 0;
    this.#held = true;
  }

  /** For the ring: ends it, see `id` and `slots`. */
  named(id: number, slots: number): void {
    this.#id = id;
    this.#slots = slots;
  }

  /**
   * For the ring: appends what the descriptor at `words[at]` names, read here for the only time. Ranges outside guest memory are
   * a GuestFault, as are readable bytes after writable ones (§2.7.4.2); a length of 0 is allowed and adds nothing.
   */
  add(words: Uint32Array, at: number, writable: boolean): void {
    if (!writable && this.#writable.length > 0) {
      throw new GuestFault('a device-readable descriptor follows a device-writable one');
    }
    const half = writable ? this.#writable : this.#readable;
    if (!half.add(words, at))
      throw new GuestFault(`a descriptor names ${place(words, at)}, which are not guest memory`);
    if (this.#readable.length + this.#writable.length > CHAIN_BYTES_MAX) {
      throw new GuestFault('a descriptor chain is longer than 4 GiB');
    }
  }
}

/** "16 bytes at 0x4000_0000", for a message: read again, so not what was checked if the driver is at it. */
function place(words: Uint32Array, at: number): string {
  return `${words[at + 2]} bytes at ${formatAddress(words[at + 1]! * 2 ** 32 + words[at]!)}`;
}
