/** Guest RAM for tests: a buffer at a guest address, with an allocator for what a driver puts into it. */
import { alignUp } from '../../src/base/bits.ts';
import type { GuestAddress } from '../../src/base/range.ts';
import { MiB } from '../../src/base/units.ts';
import { GuestMemory } from '../../src/memory/guest-memory.ts';

export const RAM_BASE = 0x4000_0000;

export interface GuestRamOptions {
  readonly size?: number;
  readonly base?: GuestAddress;
  /** The bytes themselves, where another thread has them too. */
  readonly buffer?: ArrayBuffer;
  readonly pointer?: bigint;
}

export class GuestRam {
  readonly base: GuestAddress;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly memory: GuestMemory;
  #free: number;

  constructor({ size = MiB, base = RAM_BASE, buffer = new ArrayBuffer(size), pointer = 0n }: GuestRamOptions = {}) {
    this.base = base;
    this.bytes = new Uint8Array(buffer);
    this.view = new DataView(buffer);
    this.memory = new GuestMemory([{ range: { base, size: buffer.byteLength }, buffer, pointer }]);
    this.#free = 0;
  }

  /** Room for `size` bytes that nobody else has; throws when RAM is full. */
  allocate(size: number, alignment = 1): GuestAddress {
    const start = alignUp(this.#free, alignment);
    if (start + size > this.bytes.length) throw new Error('The guest RAM of this test is full');
    this.#free = start + size;
    return this.base + start;
  }

  /** The same with zeros in it, as a driver has to begin a ring (virtio 1.4 §2.6): memory may have been something else before. */
  allocateZeroed(size: number, alignment: number): GuestAddress {
    const address = this.allocate(size, alignment);
    this.at(address, size).fill(0);
    return address;
  }

  /** Where `allocate` stands: what is allocated after it is free again by `release`. */
  get mark(): number {
    return this.#free;
  }

  release(mark: number): void {
    this.#free = mark;
  }

  /** The bytes at `address`, shared. */
  at(address: GuestAddress, size: number): Uint8Array {
    return this.bytes.subarray(address - this.base, address - this.base + size);
  }

  /** Copies `bytes` to a place of their own. */
  put(bytes: Uint8Array, alignment = 1): GuestAddress {
    const address = this.allocate(bytes.length, alignment);
    this.at(address, bytes.length).set(bytes);
    return address;
  }
}
