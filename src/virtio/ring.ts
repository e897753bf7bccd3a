/** What a queue needs of a ring, whichever format the driver chose: split (virtio 1.4 §2.7) or packed (§2.8). */
import { isAligned } from '../base/bits.ts';
import { GuestFault } from '../base/errors.ts';
import type { GuestAddress } from '../base/range.ts';
import { formatAddress } from '../base/units.ts';
import type { DescriptorChain } from './chain.ts';

/** §2.7, §2.8: the largest queue of either format. */
export const QUEUE_SIZE_MAX = 32768;

/** Where the driver has put a queue, in the words of the transport's registers (§4.2.2). */
export interface QueuePlaces {
  readonly size: number;
  /** Descriptor area: the table, or the packed ring. */
  readonly desc: GuestAddress;
  /** Driver area: the available ring, or the driver's event suppression. */
  readonly driver: GuestAddress;
  /** Device area: the used ring, or the device's event suppression. */
  readonly device: GuestAddress;
}

/** Which ring features were negotiated. */
export interface RingFeatures {
  readonly packed: boolean;
  readonly indirect: boolean;
  readonly eventIdx: boolean;
  readonly inOrder: boolean;
}

/**
 * How far a ring has come, as vhost counts: split: the indices; packed: the offset, and the wrap counter in bit 15. `used`
 * may be missing where a split ring goes on: then it is read from the ring.
 */
export interface RingPosition {
  readonly avail: number;
  readonly used?: number | undefined;
  /** Heads of a split ring that were taken before `avail` and not given back: they are taken again, in this order. */
  readonly outstanding?: readonly number[] | undefined;
}

/** How far a ring has come when nobody has anything in hand any more, or gives it back as though it were never taken. */
export interface RingStand {
  readonly avail: number;
  readonly used: number;
}

export interface Ring {
  /** Whether the driver has made a buffer available that was not popped: one look, cheap enough to poll. */
  hasBuffers(): boolean;
  /** Fills `chain` with the next buffer and returns how many descriptors that took; 0 when there is none. */
  pop(chain: DescriptorChain): number;
  /** Gives the buffer of a completed chain back; the driver sees it after `publish`. */
  push(chain: DescriptorChain): void;
  /** Shows the driver what was pushed since the last call; returns whether it wants an interrupt for that. */
  publish(): boolean;
  /** Asks for a notification when the next buffer is made available. Look at `hasBuffers` afterwards. */
  enableNotifications(): void;
  /** The driver need not notify; it may all the same. */
  disableNotifications(): void;
  readonly position: RingStand;
}

/** The areas of a ring are aligned (§2.7, §2.8.10.1): a GuestFault otherwise. */
export function checkAlignment(what: string, address: GuestAddress, alignment: number): void {
  if (!isAligned(address, alignment)) {
    throw new GuestFault(`the ${what} at ${formatAddress(address)} is not aligned to ${alignment} bytes`);
  }
}
