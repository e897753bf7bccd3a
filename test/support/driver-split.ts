/** The driver's side of a split virtqueue (virtio 1.4 §2.7), as Linux' virtio_ring.c and virtio-drivers do it. */
import {
  VRING_AVAIL_F_NO_INTERRUPT,
  VRING_DESC_F_INDIRECT,
  VRING_DESC_F_NEXT,
  VRING_DESC_F_WRITE,
  VRING_USED_F_NO_NOTIFY,
} from '../../src/abi/virtio.ts';
import type { GuestAddress } from '../../src/base/range.ts';
import type { QueuePlaces, RingFeatures } from '../../src/virtio/ring.ts';
import { type DriverRing, type Layout, passed, slotsOf } from './driver-ring.ts';
import type { GuestRam } from './guest-ram.ts';

export class SplitDriver implements DriverRing {
  readonly places: QueuePlaces;
  readonly #ram: GuestRam;
  readonly #features: RingFeatures;
  readonly #avail: Uint16Array;
  readonly #used: Uint16Array;
  /** Numbers of free descriptors; with IN_ORDER they are taken round the table (§2.7.9). */
  readonly #freeList: number[];
  #availIdx: number;
  #publishedIdx: number;
  #usedIdx: number;
  /** Head → descriptors of its chain. */
  readonly #chains = new Map<number, readonly number[]>();

  constructor(ram: GuestRam, size: number, features: RingFeatures, start = 0) {
    const usedBytes = 6 + 8 * size;
    const availBytes = 6 + 2 * size;
    this.places = {
      size,
      desc: ram.allocateZeroed(16 * size, 16),
      driver: ram.allocateZeroed(availBytes, 2),
      device: ram.allocateZeroed(usedBytes, 4),
    };
    this.#ram = ram;
    this.#features = features;
    this.#avail = new Uint16Array(ram.bytes.buffer, this.places.driver - ram.base, availBytes / 2);
    this.#used = new Uint16Array(ram.bytes.buffer, this.places.device - ram.base, usedBytes / 2);
    this.#freeList = Array.from({ length: size }, (_, index) => index);
    this.#availIdx = this.#publishedIdx = this.#usedIdx = start;
    for (const ring of [this.#avail, this.#used]) ring[1] = start;
    this.#avail[2 + size] = this.#used[2 + 4 * size] = start;
  }

  get free(): number {
    return this.#freeList.length;
  }

  add(layout: Layout): number {
    const { segments, direct, table } = layout;
    const numbers = this.#freeList.splice(0, slotsOf(layout));
    const isIndirect = direct < segments.length;
    numbers.forEach((number, position) => {
      const isLast = position === numbers.length - 1;
      const next = isLast ? undefined : numbers[position + 1]!;
      if (isLast && isIndirect) {
        const length = 16 * (segments.length - direct);
        this.#write(this.places.desc, number, { address: table, length, flags: VRING_DESC_F_INDIRECT }, next);
      } else {
        const { address, length, writable } = segments[position]!;
        this.#write(this.places.desc, number, { address, length, flags: writable ? VRING_DESC_F_WRITE : 0 }, next);
      }
    });
    segments.slice(direct).forEach(({ address, length, writable }, index, all) => {
      const next = index + 1 < all.length ? index + 1 : undefined;
      this.#write(table, index, { address, length, flags: writable ? VRING_DESC_F_WRITE : 0 }, next);
    });
    const head = numbers[0]!;
    this.#chains.set(head, numbers);
    this.#avail[2 + (this.#availIdx % this.places.size)] = head;
    this.#availIdx = (this.#availIdx + 1) & 0xffff;
    return head;
  }

  publish(): boolean {
    const before = this.#publishedIdx;
    this.#publishedIdx = this.#availIdx;
    Atomics.store(this.#avail, 1, this.#availIdx);
    if (!this.#features.eventIdx) return (Atomics.load(this.#used, 0) & VRING_USED_F_NO_NOTIFY) === 0;
    return passed(Atomics.load(this.#used, 2 + 4 * this.places.size), this.#availIdx, before);
  }

  take(): { id: number; length: number } | undefined {
    if (Atomics.load(this.#used, 1) === this.#usedIdx) return undefined;
    const element = this.places.device - this.#ram.base + 4 + 8 * (this.#usedIdx % this.places.size);
    const id = this.#ram.view.getUint32(element, true);
    const length = this.#ram.view.getUint32(element + 4, true);
    const numbers = this.#chains.get(id);
    if (!numbers) throw new Error(`The device used buffer ${id}, which it did not have`);
    this.#chains.delete(id);
    this.#freeList.push(...numbers);
    this.#usedIdx = (this.#usedIdx + 1) & 0xffff;
    return { id, length };
  }

  suppressInterrupts(): void {
    // With event-idx the event is left behind (virtqueue_disable_cb_split).
    if (!this.#features.eventIdx) Atomics.store(this.#avail, 0, VRING_AVAIL_F_NO_INTERRUPT);
    else Atomics.store(this.#avail, 2 + this.places.size, (this.#usedIdx - 1) & 0xffff);
  }

  requestInterrupt(count: number): boolean {
    if (!this.#features.eventIdx) Atomics.store(this.#avail, 0, 0);
    else Atomics.store(this.#avail, 2 + this.places.size, (this.#usedIdx + count - 1) & 0xffff);
    return Atomics.load(this.#used, 1) !== this.#usedIdx;
  }

  #write(
    table: GuestAddress,
    index: number,
    { address, length, flags }: { address: number; length: number; flags: number },
    next: number | undefined,
  ): void {
    const at = table - this.#ram.base + 16 * index;
    const view = this.#ram.view;
    view.setBigUint64(at, BigInt(address), true);
    view.setUint32(at + 8, length, true);
    view.setUint16(at + 12, flags | (next === undefined ? 0 : VRING_DESC_F_NEXT), true);
    view.setUint16(at + 14, next ?? 0xffff, true);
  }
}
