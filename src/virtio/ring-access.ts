/**
 * Ring access: the one file through which every index, flag and event field of a virtqueue goes, split (virtio 1.4 §2.7) or
 * packed (§2.8).
 * Both sides run at the same time on a weakly ordered machine, so each access here names the driver-side barrier that it
 * pairs with; descriptors and ring entries need none of their own, they are ordered by the index that publishes them.
 *
 * All accesses are Atomics, which are sequentially consistent: on arm64 V8 compiles a load to LDAR and a store to STLR.
 * An LDAR is never performed before an earlier STLR of the same CPU, so a store here followed by a load here needs no DMB
 * in between: that is what event-idx rests on. Plain typed-array accesses promise nothing (test/nested/ordering.test.ts).
 */
import { vring_avail, vring_packed_desc, vring_packed_desc_event, vring_used, vring_used_elem } from '../abi/virtio.ts';
import { alignUp } from '../base/bits.ts';
import type { GuestAddress } from '../base/range.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';

const U16 = 2;
const U32 = 4;
const DESC_HALVES = vring_packed_desc.size / U16;
const DESC_WORDS = vring_packed_desc.size / U32;
const DESC_LEN = vring_packed_desc.fields.len.offset / U32;
const DESC_ID = vring_packed_desc.fields.id.offset / U16;
const DESC_FLAGS = vring_packed_desc.fields.flags.offset / U16;

/** Where the driver has put the two rings of a queue, and their length. */
export interface RingPlaces {
  /** Entries of the queue. */
  readonly size: number;
  /** The available ring, written by the driver: 2-byte aligned. */
  readonly avail: GuestAddress;
  /** The used ring, written by us: 4-byte aligned in a queue. */
  readonly used: GuestAddress;
}

/** The device's side of one queue's shared words. A GuestFault where they are not all guest memory. */
export class RingAccess {
  readonly #avail: Uint16Array;
  readonly #used: Uint16Array;
  readonly #usedElements: Uint32Array;
  readonly #usedEvent: number;
  readonly #availEvent: number;
  readonly #size: number;

  constructor(memory: GuestMemory, { size, avail, used }: RingPlaces) {
    this.#size = size;
    // The event fields follow the last entry of each ring (§2.7.6, §2.7.8).
    this.#usedEvent = (vring_avail.size + size * U16) / U16;
    this.#availEvent = (vring_used.size + size * vring_used_elem.size) / U16;
    this.#avail = words(memory, avail, this.#usedEvent + 1);
    this.#used = words(memory, used, this.#availEvent + 1);
    // Only whole words of 4 bytes can be entries; a ring that is 2-byte aligned has none (the litmus tests' have not).
    const elements = vring_used.fields.ring.offset + this.#used.byteOffset;
    this.#usedElements = new Uint32Array(
      this.#used.buffer,
      alignUp(elements, U32),
      elements % U32 === 0 ? 2 * size : 0,
    );
  }

  /** How many buffers the driver has ever made available, modulo 2^16. Entries and descriptors are read after it: pairs with
   * the driver's virtio_wmb() between its ring entry and its store of avail.idx (§2.7.13.3). */
  loadAvailIdx(): number {
    return Atomics.load(this.#avail, vring_avail.fields.idx.offset / U16);
  }

  /** The head that the driver put into available entry `idx`, counted as avail.idx is. Ordered by `loadAvailIdx`. */
  availEntry(idx: number): number {
    return this.#avail[vring_avail.fields.ring.offset / U16 + (idx & (this.#size - 1))]!;
  }

  /** Fills used entry `idx`, counted as used.idx is: the driver sees it with `storeUsedIdx`. */
  writeUsedEntry(idx: number, id: number, length: number): void {
    const element = 2 * (idx & (this.#size - 1));
    this.#usedElements[element + vring_used_elem.fields.id.offset / U32] = id;
    this.#usedElements[element + vring_used_elem.fields.len.offset / U32] = length;
  }

  /** Our own last store, read back where a queue goes on that another process served. */
  loadUsedIdx(): number {
    return Atomics.load(this.#used, vring_used.fields.idx.offset / U16);
  }

  /** Makes used entries visible, written before it: pairs with the driver's virtio_rmb() after its load of used.idx. */
  storeUsedIdx(idx: number): void {
    Atomics.store(this.#used, vring_used.fields.idx.offset / U16, idx);
  }

  /** Whether the driver wants interrupts (VRING_AVAIL_F_NO_INTERRUPT). Asked after `storeUsedIdx`: pairs with the
   * virtio_mb() between the driver's store of avail.flags and its last look at used.idx. */
  loadAvailFlags(): number {
    return Atomics.load(this.#avail, vring_avail.fields.flags.offset / U16);
  }

  /** With VIRTIO_F_EVENT_IDX: the used.idx at which the driver wants an interrupt. Asked after `storeUsedIdx`: pairs with the
   * virtio_mb() between the driver's store of used_event and its last look at used.idx (virtqueue_enable_cb). */
  loadUsedEvent(): number {
    return Atomics.load(this.#avail, this.#usedEvent);
  }

  /** Whether we want notifications (VRING_USED_F_NO_NOTIFY). After asking for them `loadAvailIdx` is called once more: pairs
   * with the virtio_mb() between the driver's store of avail.idx and its look at used.flags. */
  storeUsedFlags(flags: number): void {
    Atomics.store(this.#used, vring_used.fields.flags.offset / U16, flags);
  }

  /** With VIRTIO_F_EVENT_IDX: the avail.idx at which we want a notification. `loadAvailIdx` is called once more after it: pairs
   * with the virtio_mb() between the driver's store of avail.idx and its look at avail_event (virtqueue_kick_prepare). */
  storeAvailEvent(idx: number): void {
    Atomics.store(this.#used, this.#availEvent, idx);
  }
}

/** Where the driver has put a packed queue: 16-byte, 4-byte and 4-byte aligned. */
export interface PackedPlaces {
  readonly size: number;
  readonly desc: GuestAddress;
  /** The driver's event suppression structure: when it wants interrupts. */
  readonly driver: GuestAddress;
  /** Ours: when we want notifications. */
  readonly device: GuestAddress;
}

/** The device's side of a packed queue's shared words. A GuestFault where they are not all guest memory. */
export class PackedAccess {
  /** The descriptors in halves of words: id and flags are 16 bits. */
  readonly #halves: Uint16Array;
  readonly #words: Uint32Array;
  readonly #driverEvent: Uint32Array;
  readonly #deviceEvent: Uint32Array;

  constructor(memory: GuestMemory, { size, desc, driver, device }: PackedPlaces) {
    this.#halves = words(memory, desc, (size * vring_packed_desc.size) / U16);
    this.#words = new Uint32Array(this.#halves.buffer, this.#halves.byteOffset, (size * vring_packed_desc.size) / U32);
    this.#driverEvent = event(memory, driver);
    this.#deviceEvent = event(memory, device);
  }

  /** The flags of a descriptor that may have become available. The rest of its chain is read after it: pairs with the
   * driver's virtio_wmb() between a chain and its store of the head's flags (§2.8.21.1, virtqueue_add_packed). */
  loadFlags(index: number): number {
    return Atomics.load(this.#halves, index * DESC_HALVES + DESC_FLAGS);
  }

  /** The flags of a descriptor behind the head, ordered by `loadFlags` of the head. */
  flags(index: number): number {
    return this.#halves[index * DESC_HALVES + DESC_FLAGS]!;
  }

  /** The buffer id, ordered by `loadFlags`. */
  id(index: number): number {
    return this.#halves[index * DESC_HALVES + DESC_ID]!;
  }

  /** Fills a used descriptor but for its flags. */
  writeUsed(index: number, id: number, length: number): void {
    this.#words[index * DESC_WORDS + DESC_LEN] = length;
    this.#halves[index * DESC_HALVES + DESC_ID] = id;
  }

  /** The flags of a used descriptor behind one whose flags will be stored: ordered by that. */
  writeFlags(index: number, flags: number): void {
    this.#halves[index * DESC_HALVES + DESC_FLAGS] = flags;
  }

  /** Makes a used descriptor visible, and those behind it: pairs with the driver's virtio_rmb() between its load of the flags
   * and of id and len (virtqueue_get_buf_ctx_packed). */
  storeFlags(index: number, flags: number): void {
    Atomics.store(this.#halves, index * DESC_HALVES + DESC_FLAGS, flags);
  }

  /** When the driver wants interrupts: offset and wrap counter in the lower half, flags in the upper, in one look. Asked
   * after `storeFlags`: pairs with the virtio_mb() between the driver's store of it and its last look at a used descriptor
   * (virtqueue_enable_cb_packed). */
  loadDriverEvent(): number {
    return Atomics.load(this.#driverEvent, 0);
  }

  /** When we want notifications. `loadFlags` of the next descriptor is called once more after it: pairs with the virtio_mb()
   * between the driver's store of a head's flags and its look at this (virtqueue_kick_prepare_packed). */
  storeDeviceEvent(event: number): void {
    Atomics.store(this.#deviceEvent, 0, event);
  }
}

function event(memory: GuestMemory, address: GuestAddress): Uint32Array {
  const { buffer, byteOffset } = memory.bytes(address, vring_packed_desc_event.size);
  return new Uint32Array(buffer, byteOffset, 1);
}

function words(memory: GuestMemory, address: GuestAddress, count: number): Uint16Array {
  const { buffer, byteOffset } = memory.bytes(address, count * U16);
  return new Uint16Array(buffer, byteOffset, count);
}
