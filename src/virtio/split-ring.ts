/** The split virtqueue, device's side (virtio 1.4 §2.7): descriptor table, available ring, used ring. */
import {
  VRING_AVAIL_ALIGN_SIZE,
  VRING_AVAIL_F_NO_INTERRUPT,
  VRING_DESC_ALIGN_SIZE,
  VRING_DESC_F_INDIRECT,
  VRING_DESC_F_NEXT,
  VRING_DESC_F_WRITE,
  VRING_USED_ALIGN_SIZE,
  VRING_USED_F_NO_NOTIFY,
  vring_desc,
} from '../abi/virtio.ts';
import { GuestFault } from '../base/errors.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import type { DescriptorChain } from './chain.ts';
import { DESCRIPTOR_WORDS, descriptorTable, IndirectCopy } from './descriptor-table.ts';
import {
  checkAlignment,
  QUEUE_SIZE_MAX,
  type QueuePlaces,
  type Ring,
  type RingFeatures,
  type RingPosition,
  type RingStand,
} from './ring.ts';
import { RingAccess } from './ring-access.ts';

/** Indices run modulo 2^16 (§2.7.6). */
const IDX_MASK = 0xffff;
/** The word of a descriptor that holds flags, and `next` in its upper half. */
const PAIR = vring_desc.fields.flags.offset / 4;

export class SplitRing implements Ring {
  readonly #size: number;
  readonly #features: RingFeatures;
  readonly #access: RingAccess;
  readonly #table: Uint32Array;
  readonly #indirect: IndirectCopy;
  /** The next available entry to take, and avail.idx as last looked at: entries between them are there. */
  #nextAvail: number;
  #availIdx: number;
  /** The next used entry to fill, and used.idx as the driver sees it. */
  #usedIdx: number;
  #publishedIdx: number;
  /** Heads to be taken before those of the available ring. */
  readonly #outstanding: number[];

  constructor(memory: GuestMemory, places: QueuePlaces, features: RingFeatures, start: RingPosition) {
    const { size, desc, driver, device } = places;
    if (size === 0 || size > QUEUE_SIZE_MAX || (size & (size - 1)) !== 0) {
      throw new GuestFault(`a split queue of ${size} entries: it must be a power of two up to ${QUEUE_SIZE_MAX}`);
    }
    checkAlignment('descriptor area', desc, VRING_DESC_ALIGN_SIZE);
    checkAlignment('available ring', driver, VRING_AVAIL_ALIGN_SIZE);
    checkAlignment('used ring', device, VRING_USED_ALIGN_SIZE);
    this.#size = size;
    this.#features = features;
    this.#access = new RingAccess(memory, { size, avail: driver, used: device });
    this.#table = descriptorTable(memory, desc, size);
    this.#indirect = new IndirectCopy(memory, size);
    this.#nextAvail = start.avail;
    this.#availIdx = start.avail;
    this.#usedIdx = start.used ?? this.#access.loadUsedIdx();
    this.#publishedIdx = this.#usedIdx;
    this.#outstanding = [...(start.outstanding ?? [])];
  }

  get position(): RingStand {
    return { avail: this.#nextAvail, used: this.#usedIdx };
  }

  hasBuffers(): boolean {
    if (this.#availIdx !== this.#nextAvail || this.#outstanding.length > 0) return true;
    return this.#access.loadAvailIdx() !== this.#nextAvail;
  }

  pop(chain: DescriptorChain): number {
    let head: number;
    if (this.#outstanding.length > 0) head = this.#outstanding.shift()!;
    else {
      if (this.#availIdx === this.#nextAvail && !this.#lookAgain()) return 0;
      head = this.#access.availEntry(this.#nextAvail);
      this.#nextAvail = (this.#nextAvail + 1) & IDX_MASK;
    }
    if (head >= this.#size) throw new GuestFault(`descriptor ${head} was made available, of ${this.#size}`);
    chain.begin();
    chain.named(head, 1);
    return this.#walk(chain, head);
  }

  push(chain: DescriptorChain): void {
    this.#access.writeUsedEntry(this.#usedIdx, chain.id, chain.used);
    this.#usedIdx = (this.#usedIdx + 1) & IDX_MASK;
  }

  publish(): boolean {
    const before = this.#publishedIdx;
    this.#publishedIdx = this.#usedIdx;
    this.#access.storeUsedIdx(this.#usedIdx);
    if (!this.#features.eventIdx) return (this.#access.loadAvailFlags() & VRING_AVAIL_F_NO_INTERRUPT) === 0;
    // vring_need_event() of linux/virtio_ring.h: has used.idx passed the driver's event since?
    const beyond = (this.#usedIdx - this.#access.loadUsedEvent() - 1) & IDX_MASK;
    return beyond < ((this.#usedIdx - before) & IDX_MASK);
  }

  enableNotifications(): void {
    if (this.#features.eventIdx) this.#access.storeAvailEvent(this.#nextAvail);
    else this.#access.storeUsedFlags(0);
  }

  disableNotifications(): void {
    // With event-idx an event that has passed asks for nothing (§2.7.10).
    if (!this.#features.eventIdx) this.#access.storeUsedFlags(VRING_USED_F_NO_NOTIFY);
  }

  /** Looks at avail.idx: whether entries have come. The value is used until they are all taken, never read again. */
  #lookAgain(): boolean {
    const idx = this.#access.loadAvailIdx();
    const count = (idx - this.#nextAvail) & IDX_MASK;
    if (count > this.#size) {
      throw new GuestFault(`the available index went from ${this.#nextAvail} to ${idx}, with ${this.#size} entries`);
    }
    this.#availIdx = idx;
    return count > 0;
  }

  /** Follows `next` from `head`; returns how many descriptors there were, the indirect ones included. */
  #walk(chain: DescriptorChain, head: number): number {
    const table = this.#table;
    let at = head * DESCRIPTOR_WORDS;
    for (let count = 1; count <= this.#size; count++) {
      const pair = table[at + PAIR]!;
      if ((pair & VRING_DESC_F_INDIRECT) !== 0) {
        if ((pair & VRING_DESC_F_NEXT) !== 0) throw new GuestFault('an indirect descriptor has a next one');
        return count + this.#walkIndirect(chain, at);
      }
      chain.add(table, at, (pair & VRING_DESC_F_WRITE) !== 0);
      if ((pair & VRING_DESC_F_NEXT) === 0) return count;
      const next = pair >>> 16;
      if (next >= this.#size) throw new GuestFault(`a descriptor continues at ${next}, of ${this.#size}`);
      at = next * DESCRIPTOR_WORDS;
    }
    throw new GuestFault(`a chain has more descriptors than the queue, ${this.#size}: a loop?`);
  }

  #walkIndirect(chain: DescriptorChain, ringAt: number): number {
    if (!this.#features.indirect) throw new GuestFault('an indirect descriptor, which was not negotiated');
    const entries = this.#indirect.take(this.#table, ringAt);
    const table = this.#indirect.words;
    let at = 0;
    for (let count = 1; count <= entries; count++) {
      const pair = table[at + PAIR]!;
      if ((pair & VRING_DESC_F_INDIRECT) !== 0) throw new GuestFault('an indirect table has an indirect descriptor');
      chain.add(table, at, (pair & VRING_DESC_F_WRITE) !== 0);
      if ((pair & VRING_DESC_F_NEXT) === 0) return count;
      const next = pair >>> 16;
      if (next >= entries) throw new GuestFault(`an indirect descriptor continues at ${next}, of ${entries}`);
      at = next * DESCRIPTOR_WORDS;
    }
    throw new GuestFault(`an indirect chain has more descriptors than its table, ${entries}: a loop?`);
  }
}
