/**
 * The driver's side of a split virtqueue (virtio 1.4 §2.7), down to single descriptors, since most that is written with it is
 * wrong on purpose.
 */
import { VRING_AVAIL_F_NO_INTERRUPT, vring_avail, vring_desc, vring_used, vring_used_elem } from '../abi/virtio.ts';
import { packInto } from '../base/layout.ts';
import type { GuestAddress } from '../base/range.ts';
import { KiB } from '../base/units.ts';
import type { QueueSetup } from '../virtio/queue-registers.ts';
import { MEMORY_BASE, type TestMemory } from './memory.ts';

/** Small enough for every back-end. */
export const RING_ENTRIES = 16;
/** A page for each part of a ring, then one page for what its requests carry. */
const PART_BYTES = 4 * KiB;
export const RING_STRIDE = 4 * PART_BYTES;
const INDEX_BYTES = 2;

export interface Descriptor {
  readonly address: bigint;
  readonly length: number;
  readonly flags?: number;
  readonly next?: number;
}

export class DriverRing {
  readonly setup: QueueSetup;
  /** A page for requests. */
  readonly data: GuestAddress;
  readonly #memory: TestMemory;
  #available: number;
  #taken: number;

  /** `start`: where the indices of both sides begin. */
  constructor(memory: TestMemory, index: number, start = 0) {
    const base = MEMORY_BASE + index * RING_STRIDE;
    this.#memory = memory;
    this.setup = { index, size: RING_ENTRIES, desc: base, driver: base + PART_BYTES, device: base + 2 * PART_BYTES };
    this.data = base + 3 * PART_BYTES;
    this.#available = this.#taken = start;
    memory.at(base, RING_STRIDE).fill(0);
    this.#publish(start);
    memory.view.setUint16(this.#usedIdx, start, true);
  }

  /** Writes descriptor `index` of the ring's table. */
  describe(index: number, descriptor: Descriptor): void {
    this.describeAt(this.setup.desc, index, descriptor);
  }

  /** Writes descriptor `index` of a table at `table`: an indirect one. */
  describeAt(table: GuestAddress, index: number, { address, length, flags = 0, next = 0 }: Descriptor): void {
    const target = this.#memory.at(table + index * vring_desc.size, vring_desc.size);
    packInto(target, vring_desc, { addr: address, len: length, flags, next });
  }

  /** Makes the chain that begins at descriptor `head` available. */
  offer(head: number): void {
    const { ring } = AVAIL;
    const slot = this.setup.driver + ring + INDEX_BYTES * (this.#available % RING_ENTRIES);
    this.#memory.view.setUint16(slot - MEMORY_BASE, head, true);
    this.#publish((this.#available + 1) & 0xffff);
  }

  /** Asks the device for no interrupts (§2.7.6.1). */
  suppressInterrupts(): void {
    const at = this.setup.driver + vring_avail.fields.flags.offset - MEMORY_BASE;
    this.#memory.view.setUint16(at, VRING_AVAIL_F_NO_INTERRUPT, true);
  }

  /** Says that so many more entries are available, whatever stands in them. */
  jump(count: number): void {
    this.#publish((this.#available + count) & 0xffff);
  }

  /** The next buffer that was given back. */
  take(): { readonly id: number; readonly length: number } | undefined {
    if (this.usedCount === 0) return undefined;
    const at = this.setup.device + USED.ring + vring_used_elem.size * (this.#taken % RING_ENTRIES) - MEMORY_BASE;
    this.#taken = (this.#taken + 1) & 0xffff;
    const { id, len } = vring_used_elem.fields;
    const { view } = this.#memory;
    return { id: view.getUint32(at + id.offset, true), length: view.getUint32(at + len.offset, true) };
  }

  /** How many buffers were given back and not taken. */
  get usedCount(): number {
    const index = Atomics.load(new Uint16Array(this.#memory.buffer), this.#usedIdx / INDEX_BYTES);
    return (index - this.#taken) & 0xffff;
  }

  get #usedIdx(): number {
    return this.setup.device + vring_used.fields.idx.offset - MEMORY_BASE;
  }

  /** After all that belongs to it: the back-end runs on another CPU (§2.7.13.3). */
  #publish(index: number): void {
    this.#available = index;
    const at = this.setup.driver + vring_avail.fields.idx.offset - MEMORY_BASE;
    Atomics.store(new Uint16Array(this.#memory.buffer), at / INDEX_BYTES, index);
  }
}

/** The entries lie behind the indices (§2.7.6, §2.7.8). */
const AVAIL = { ring: vring_avail.size } as const;
const USED = { ring: vring_used.size } as const;
