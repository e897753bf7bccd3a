/**
 * The packed virtqueue, device's side (virtio 1.4 §2.8): one ring of descriptors that both sides write. Each side has a wrap
 * counter, 1 at first, that flips when it passes the ring's end: a descriptor is available when AVAIL is the counter and USED
 * is not, used when both are.
 */
import {
  VRING_DESC_ALIGN_SIZE,
  VRING_DESC_F_INDIRECT,
  VRING_DESC_F_NEXT,
  VRING_DESC_F_WRITE,
  VRING_PACKED_DESC_F_AVAIL,
  VRING_PACKED_DESC_F_USED,
  VRING_PACKED_EVENT_F_WRAP_CTR,
  VRING_PACKED_EVENT_FLAG_DESC,
  VRING_PACKED_EVENT_FLAG_DISABLE,
  VRING_PACKED_EVENT_FLAG_ENABLE,
  vring_packed_desc,
} from '../abi/virtio.ts';
import { bit, bits } from '../base/bits.ts';
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
import { PackedAccess } from './ring-access.ts';

const AVAIL = bit(VRING_PACKED_DESC_F_AVAIL);
const USED = bit(VRING_PACKED_DESC_F_USED);
/** An event structure as one word (§2.8.14): where, in which lap, and whether that counts. */
const EVENT = {
  OFFSET: bits(VRING_PACKED_EVENT_F_WRAP_CTR - 1, 0),
  WRAP: bits(VRING_PACKED_EVENT_F_WRAP_CTR, VRING_PACKED_EVENT_F_WRAP_CTR),
  FLAGS: bits(17, 16),
} as const;
const EVENT_ALIGN_SIZE = 4;
/** The word of a descriptor that holds the id, and flags in its upper half. */
const PAIR = vring_packed_desc.fields.id.offset / 4;
/** Where both sides begin: offset 0, wrap counter 1. */
export const PACKED_START: RingPosition = { avail: EVENT.WRAP.mask, used: EVENT.WRAP.mask };

export class PackedRing implements Ring {
  readonly #size: number;
  readonly #features: RingFeatures;
  readonly #access: PackedAccess;
  readonly #table: Uint32Array;
  readonly #indirect: IndirectCopy;
  #nextAvail: number;
  #usedIdx: number;
  /** The flags of a used descriptor in this lap of ours: both bits, or neither. */
  #usedFlags: number;
  /** AVAIL and USED of a descriptor that is available in this lap of the driver. */
  #availFlags: number;
  /** Descriptors used since the last `publish`, the first of them, and the flags that will show it. */
  #usedCount = 0;
  #firstUsed = 0;
  #firstFlags = 0;

  constructor(memory: GuestMemory, places: QueuePlaces, features: RingFeatures, start: RingPosition) {
    const { size, desc, driver, device } = places;
    if (size === 0 || size > QUEUE_SIZE_MAX) {
      throw new GuestFault(`a packed queue of ${size} entries: it may have 1 … ${QUEUE_SIZE_MAX}`);
    }
    checkAlignment('descriptor ring', desc, VRING_DESC_ALIGN_SIZE);
    checkAlignment('driver event suppression', driver, EVENT_ALIGN_SIZE);
    checkAlignment('device event suppression', device, EVENT_ALIGN_SIZE);
    this.#size = size;
    this.#features = features;
    this.#access = new PackedAccess(memory, places);
    this.#table = descriptorTable(memory, desc, size);
    this.#indirect = new IndirectCopy(memory, size);
    const { avail, used = avail } = start;
    this.#nextAvail = offsetOf(avail, size);
    this.#usedIdx = offsetOf(used, size);
    this.#availFlags = EVENT.WRAP.get(avail) === 1 ? AVAIL : USED;
    this.#usedFlags = EVENT.WRAP.get(used) === 1 ? AVAIL | USED : 0;
  }

  get position(): RingStand {
    return {
      avail: this.#availEvent(),
      used: EVENT.WRAP.set(this.#usedIdx, this.#usedFlags === 0 ? 0 : 1),
    };
  }

  hasBuffers(): boolean {
    return (this.#access.loadFlags(this.#nextAvail) & (AVAIL | USED)) === this.#availFlags;
  }

  pop(chain: DescriptorChain): number {
    const head = this.#nextAvail;
    let flags = this.#access.loadFlags(head);
    if ((flags & (AVAIL | USED)) !== this.#availFlags) return 0;
    chain.begin();
    let index = head;
    for (let count = 1; count <= this.#size; count++) {
      const isLast = (flags & VRING_DESC_F_NEXT) === 0;
      let indirect = 0;
      if ((flags & VRING_DESC_F_INDIRECT) === 0) {
        chain.add(this.#table, index * DESCRIPTOR_WORDS, (flags & VRING_DESC_F_WRITE) !== 0);
      } else {
        if (!isLast) throw new GuestFault('an indirect descriptor has a next one');
        indirect = this.#walkIndirect(chain, index * DESCRIPTOR_WORDS);
      }
      if (isLast) {
        chain.named(this.#access.id(index), count);
        this.#skipAvail(count);
        return count + indirect;
      }
      index = index + 1 === this.#size ? 0 : index + 1;
      flags = this.#access.flags(index);
    }
    throw new GuestFault(`a chain has more descriptors than the queue, ${this.#size}`);
  }

  push(chain: DescriptorChain): void {
    // Without WRITE a driver may not look at the length (§2.8.6).
    const flags = this.#usedFlags | (chain.used > 0 ? VRING_DESC_F_WRITE : 0);
    this.#access.writeUsed(this.#usedIdx, chain.id, chain.used);
    // A driver looks at used descriptors one by one: those behind the first wait for it.
    if (this.#usedCount > 0) this.#access.writeFlags(this.#usedIdx, flags);
    else {
      this.#firstUsed = this.#usedIdx;
      this.#firstFlags = flags;
    }
    this.#usedCount += chain.slots;
    this.#usedIdx += chain.slots;
    if (this.#usedIdx >= this.#size) {
      this.#usedIdx -= this.#size;
      this.#usedFlags ^= AVAIL | USED;
    }
  }

  publish(): boolean {
    const count = this.#usedCount;
    this.#usedCount = 0;
    this.#access.storeFlags(this.#firstUsed, this.#firstFlags);
    const event = this.#access.loadDriverEvent();
    const flags = EVENT.FLAGS.get(event);
    if (flags === VRING_PACKED_EVENT_FLAG_DISABLE) return false;
    // Flags 3 are reserved: an interrupt too many harms nobody.
    if (flags !== VRING_PACKED_EVENT_FLAG_DESC || !this.#features.eventIdx) return true;
    // How long ago did we pass the driver's event? One of the other lap lies a ring's length back.
    const isThisLap = EVENT.WRAP.get(event) === (this.#usedFlags === 0 ? 0 : 1);
    const passed = this.#usedIdx - EVENT.OFFSET.get(event) + (isThisLap ? 0 : this.#size);
    return passed > 0 && passed <= count;
  }

  enableNotifications(): void {
    if (!this.#features.eventIdx) this.#access.storeDeviceEvent(EVENT.FLAGS.set(0, VRING_PACKED_EVENT_FLAG_ENABLE));
    else this.#access.storeDeviceEvent(EVENT.FLAGS.set(this.#availEvent(), VRING_PACKED_EVENT_FLAG_DESC));
  }

  disableNotifications(): void {
    this.#access.storeDeviceEvent(EVENT.FLAGS.set(0, VRING_PACKED_EVENT_FLAG_DISABLE));
  }

  #availEvent(): number {
    return EVENT.WRAP.set(this.#nextAvail, this.#availFlags === AVAIL ? 1 : 0);
  }

  #skipAvail(count: number): void {
    this.#nextAvail += count;
    if (this.#nextAvail >= this.#size) {
      this.#nextAvail -= this.#size;
      this.#availFlags ^= AVAIL | USED;
    }
  }

  /** A table of a packed ring is read from its first entry to its last; of the flags WRITE alone has a meaning (§2.8.8). */
  #walkIndirect(chain: DescriptorChain, ringAt: number): number {
    if (!this.#features.indirect) throw new GuestFault('an indirect descriptor, which was not negotiated');
    const entries = this.#indirect.take(this.#table, ringAt);
    const table = this.#indirect.words;
    for (let at = 0; at < entries * DESCRIPTOR_WORDS; at += DESCRIPTOR_WORDS) {
      const flags = table[at + PAIR]! >>> 16;
      if ((flags & VRING_DESC_F_INDIRECT) !== 0) throw new GuestFault('an indirect table has an indirect descriptor');
      chain.add(table, at, (flags & VRING_DESC_F_WRITE) !== 0);
    }
    return entries;
  }
}

function offsetOf(position: number, size: number): number {
  const offset = EVENT.OFFSET.get(position);
  if (offset >= size) throw new GuestFault(`a packed queue of ${size} entries goes on at ${offset}`);
  return offset;
}
