/** What the driver-side simulator needs of a ring, and what both formats share. The device's words, seen from the other end. */
import type { GuestAddress } from '../../src/base/range.ts';
import type { QueuePlaces } from '../../src/virtio/ring.ts';

/** One descriptor's worth. */
export interface Segment {
  readonly address: GuestAddress;
  readonly length: number;
  readonly writable: boolean;
}

/** How segments become descriptors: all direct, or those from `direct` on in an indirect table. */
export interface Layout {
  readonly segments: readonly Segment[];
  readonly direct: number;
  /** Where the indirect table lies; the driver filled nothing of it yet. */
  readonly table: GuestAddress;
}

export interface DriverRing {
  readonly places: QueuePlaces;
  /** Descriptors that are not in the device's hands. */
  readonly free: number;
  /** Writes descriptors; the device sees them after `publish`. Returns a name for the buffer. */
  add(layout: Layout): number;
  /** Makes what was added available; returns whether the device wants to be notified. */
  publish(): boolean;
  /** The next used buffer: its name and length. */
  take(): { readonly id: number; readonly length: number } | undefined;
  suppressInterrupts(): void;
  /** Asks for an interrupt, with event-idx after `count` more used buffers (split) or descriptors (packed). Returns whether a
   * used buffer is there already. */
  requestInterrupt(count: number): boolean;
}

/** Descriptors that a layout takes from the ring. */
export function slotsOf({ segments, direct }: Layout): number {
  return direct < segments.length ? direct + 1 : segments.length;
}

/** vring_need_event() of linux/virtio_ring.h: has an index that went from `old` to `current` passed `event`? */
export function passed(event: number, current: number, old: number): boolean {
  return ((current - event - 1) & 0xffff) < ((current - old) & 0xffff);
}
