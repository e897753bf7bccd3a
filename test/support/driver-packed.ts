/** The driver's side of a packed virtqueue (virtio 1.4 §2.8), as Linux' virtio_ring.c does it. */
import {
  VRING_DESC_F_INDIRECT,
  VRING_DESC_F_NEXT,
  VRING_DESC_F_WRITE,
  VRING_PACKED_EVENT_FLAG_DESC,
  VRING_PACKED_EVENT_FLAG_DISABLE,
  VRING_PACKED_EVENT_FLAG_ENABLE,
} from '../../src/abi/virtio.ts';
import type { QueuePlaces, RingFeatures } from '../../src/virtio/ring.ts';
import { type DriverRing, type Layout, passed, slotsOf } from './driver-ring.ts';
import type { GuestRam } from './guest-ram.ts';

const AVAIL = 1 << 7;
const USED = 1 << 15;

/** A place in the ring and the lap it is in. */
interface Cursor {
  offset: number;
  wrap: 0 | 1;
}

export class PackedDriver implements DriverRing {
  readonly places: QueuePlaces;
  readonly #ram: GuestRam;
  readonly #features: RingFeatures;
  readonly #halves: Uint16Array;
  readonly #driverEvent: Uint16Array;
  readonly #deviceEvent: Uint32Array;
  readonly #avail: Cursor;
  readonly #used: Cursor;
  readonly #ids: number[];
  #free: number;
  /** Heads whose flags wait for `publish`, and the descriptors behind them. */
  #added: { readonly at: number; readonly flags: number }[] = [];
  #addedSlots = 0;
  /** Id → descriptors of its chain. */
  readonly #chains = new Map<number, number>();

  constructor(ram: GuestRam, size: number, features: RingFeatures, start = 0x8000) {
    this.places = {
      size,
      desc: ram.allocateZeroed(16 * size, 16),
      driver: ram.allocateZeroed(4, 4),
      device: ram.allocateZeroed(4, 4),
    };
    this.#ram = ram;
    this.#features = features;
    this.#halves = new Uint16Array(ram.bytes.buffer, this.places.desc - ram.base, 8 * size);
    this.#driverEvent = new Uint16Array(ram.bytes.buffer, this.places.driver - ram.base, 2);
    this.#deviceEvent = new Uint32Array(ram.bytes.buffer, this.places.device - ram.base, 1);
    this.#avail = { offset: start & 0x7fff, wrap: (start >> 15) as 0 | 1 };
    this.#used = { ...this.#avail };
    this.#ids = Array.from({ length: size }, (_, index) => index);
    this.#free = size;
    // Descriptors of a ring that starts in the middle are used ones: of this lap before the start, of the last one behind.
    for (let index = 0; index < size; index++) {
      const wrap = index < this.#avail.offset ? this.#avail.wrap : 1 - this.#avail.wrap;
      this.#halves[8 * index + 7] = wrap * (AVAIL | USED);
    }
  }

  get free(): number {
    return this.#free;
  }

  add(layout: Layout): number {
    const { segments, direct, table } = layout;
    const slots = slotsOf(layout);
    const id = this.#ids.shift()!;
    segments.slice(direct).forEach(({ address, length, writable }, index) => {
      // Neither NEXT nor an id: a table is read from end to end.
      this.#describe(table - this.#ram.base + 16 * index, address, length);
      this.#ram.view.setUint16(table - this.#ram.base + 16 * index + 14, writable ? VRING_DESC_F_WRITE : 0, true);
    });
    for (let position = 0; position < slots; position++) {
      const { address, length, writable } = segments[position]!;
      const at = this.#avail.offset;
      const isTable = position === direct;
      if (isTable) this.#describe(this.#offset(at), table, 16 * (segments.length - direct));
      else this.#describe(this.#offset(at), address, length);
      const kind = isTable ? VRING_DESC_F_INDIRECT : writable ? VRING_DESC_F_WRITE : 0;
      const next = position + 1 < slots ? VRING_DESC_F_NEXT : 0;
      const flags = kind | next | (this.#avail.wrap === 1 ? AVAIL : USED);
      this.#halves[8 * at + 6] = id;
      if (position === 0) this.#added.push({ at, flags });
      else this.#halves[8 * at + 7] = flags;
      this.#step(this.#avail, 1);
    }
    this.#chains.set(id, slots);
    this.#free -= slots;
    this.#addedSlots += slots;
    return id;
  }

  publish(): boolean {
    for (const { at, flags } of this.#added) Atomics.store(this.#halves, 8 * at + 7, flags);
    const added = this.#addedSlots;
    this.#added = [];
    this.#addedSlots = 0;
    const event = Atomics.load(this.#deviceEvent, 0);
    const flags = event >>> 16;
    if (flags !== VRING_PACKED_EVENT_FLAG_DESC) return flags !== VRING_PACKED_EVENT_FLAG_DISABLE;
    const { offset, wrap } = this.#avail;
    const at = (event & 0x7fff) - (((event >> 15) & 1) === wrap ? 0 : this.places.size);
    return passed(at, offset, offset - added);
  }

  take(): { id: number; length: number } | undefined {
    const { offset, wrap } = this.#used;
    const flags = Atomics.load(this.#halves, 8 * offset + 7);
    if ((flags & (AVAIL | USED)) !== wrap * (AVAIL | USED)) return undefined;
    const id = this.#halves[8 * offset + 6]!;
    const isWritten = (flags & VRING_DESC_F_WRITE) !== 0;
    const length = isWritten ? this.#ram.view.getUint32(this.#offset(offset) + 8, true) : 0;
    const slots = this.#chains.get(id);
    if (slots === undefined) throw new Error(`The device used buffer ${id}, which it did not have`);
    this.#chains.delete(id);
    this.#ids.push(id);
    this.#free += slots;
    this.#step(this.#used, slots);
    return { id, length };
  }

  suppressInterrupts(): void {
    Atomics.store(this.#driverEvent, 1, VRING_PACKED_EVENT_FLAG_DISABLE);
  }

  requestInterrupt(count: number): boolean {
    if (!this.#features.eventIdx) {
      Atomics.store(this.#driverEvent, 1, VRING_PACKED_EVENT_FLAG_ENABLE);
    } else {
      const event = { ...this.#used };
      this.#step(event, count - 1);
      Atomics.store(this.#driverEvent, 0, event.offset | (event.wrap << 15));
      Atomics.store(this.#driverEvent, 1, VRING_PACKED_EVENT_FLAG_DESC);
    }
    const { offset, wrap } = this.#used;
    return (Atomics.load(this.#halves, 8 * offset + 7) & (AVAIL | USED)) === wrap * (AVAIL | USED);
  }

  #describe(offset: number, address: number, length: number): void {
    this.#ram.view.setBigUint64(offset, BigInt(address), true);
    this.#ram.view.setUint32(offset + 8, length, true);
  }

  #offset(index: number): number {
    return this.places.desc - this.#ram.base + 16 * index;
  }

  #step(cursor: Cursor, count: number): void {
    cursor.offset += count;
    while (cursor.offset >= this.places.size) {
      cursor.offset -= this.places.size;
      cursor.wrap = cursor.wrap === 1 ? 0 : 1;
    }
  }
}
