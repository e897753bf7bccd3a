/**
 * A virtio *driver* over guest RAM, for tests of the device's side: it lays out a ring, makes buffers available and takes
 * them back used, split or packed, with any of the ring features. The queue-level part: who talks to registers brings the
 * `places` to the transport.
 */
import type { QueuePlaces, RingFeatures } from '../../src/virtio/ring.ts';
import { PackedDriver } from './driver-packed.ts';
import { type DriverRing, type Segment, slotsOf } from './driver-ring.ts';
import { SplitDriver } from './driver-split.ts';
import type { GuestRam } from './guest-ram.ts';

export const PLAIN: RingFeatures = { packed: false, indirect: false, eventIdx: false, inOrder: false };

/** A buffer to be made available. */
export interface Request {
  /** Device-readable parts, one descriptor each, in this order. */
  readonly readable?: readonly Uint8Array[];
  /** Sizes of the device-writable parts, one descriptor each, after those. */
  readonly writable?: readonly number[];
  /** How many descriptors are direct; the others go into an indirect table. Default: all. */
  readonly direct?: number;
}

/** A buffer in the device's hands, or back from them. */
export interface DriverBuffer {
  readonly id: number;
  readonly segments: readonly Segment[];
  /** What the used entry said; undefined while the device has it. */
  readonly usedLength: number | undefined;
  /** The writable part, all of it. */
  writable(): Uint8Array;
  /** What the device says it wrote: the first `usedLength` bytes of the writable part. */
  written(): Uint8Array;
}

export class DriverQueue {
  readonly ring: DriverRing;
  readonly #ram: GuestRam;
  readonly #buffers = new Map<number, Buffer>();

  /** `start`: a ring that goes on, as vhost counts (virtio/ring.ts). */
  constructor(ram: GuestRam, size: number, features: RingFeatures = PLAIN, start?: number) {
    this.#ram = ram;
    this.ring = features.packed
      ? new PackedDriver(ram, size, features, start)
      : new SplitDriver(ram, size, features, start);
  }

  get places(): QueuePlaces {
    return this.ring.places;
  }

  /** Buffers that the device has. */
  get outstanding(): number {
    return this.#buffers.size;
  }

  /** Whether `request` fits into the free descriptors. */
  hasRoom({ readable = [], writable = [], direct = Number.POSITIVE_INFINITY }: Request): boolean {
    const count = readable.length + writable.length;
    return (direct < count ? direct + 1 : count) <= this.ring.free;
  }

  /** Writes a buffer and its descriptors to memory; the device sees it after `kick`. */
  add({ readable = [], writable = [], direct = Number.POSITIVE_INFINITY }: Request): DriverBuffer {
    const segments = [
      ...readable.map((bytes) => ({ address: this.#ram.put(bytes), length: bytes.length, writable: false })),
      ...writable.map((length) => ({ address: this.#ram.allocate(length), length, writable: true })),
    ];
    return this.addSegments(segments, direct);
  }

  /** The same with segments that lie anywhere. */
  addSegments(segments: readonly Segment[], direct = segments.length): DriverBuffer {
    const layout = { segments, direct: Math.min(direct, segments.length), table: 0 };
    if (layout.direct < segments.length) layout.table = this.#ram.allocate(16 * (segments.length - layout.direct), 16);
    if (slotsOf(layout) > this.ring.free) throw new Error('The queue of this test is full');
    const buffer = new Buffer(this.#ram, this.ring.add(layout), segments);
    this.#buffers.set(buffer.id, buffer);
    return buffer;
  }

  /** Makes everything that was added available; returns whether the device wants a notification. */
  kick(): boolean {
    return this.ring.publish();
  }

  /** The next buffer that the device has used. */
  take(): DriverBuffer | undefined {
    const used = this.ring.take();
    if (used === undefined) return undefined;
    const buffer = this.#buffers.get(used.id)!;
    this.#buffers.delete(used.id);
    buffer.usedLength = used.length;
    return buffer;
  }
}

class Buffer implements DriverBuffer {
  readonly id: number;
  readonly segments: readonly Segment[];
  usedLength: number | undefined;
  readonly #ram: GuestRam;

  constructor(ram: GuestRam, id: number, segments: readonly Segment[]) {
    this.id = id;
    this.segments = segments;
    this.#ram = ram;
  }

  writable(): Uint8Array {
    const parts = this.segments.filter(({ writable }) => writable);
    const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const { address, length } of parts) {
      bytes.set(this.#ram.at(address, length), at);
      at += length;
    }
    return bytes;
  }

  written(): Uint8Array {
    return this.writable().subarray(0, this.usedLength);
  }
}
