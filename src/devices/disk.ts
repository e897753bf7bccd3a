/** A disk image as virtio-blk needs it. Whether a file, a block device or another process is behind it is a backend's business. */
import type { IovecTable } from '../virtio/chain.ts';

/** How a request to a disk ended. Why one failed, the disk itself has told the user. */
export const Outcome = {
  DONE: 0,
  FAILED: 1,
  /** This disk cannot do that at all. */
  UNSUPPORTED: 2,
  /** Not yet: the waiter hears of it. */
  PENDING: 3,
} as const;
export type Outcome = (typeof Outcome)[keyof typeof Outcome];
export type FinalOutcome = Exclude<Outcome, typeof Outcome.PENDING>;

/** Whoever made a request that was PENDING. */
export interface DiskWaiter {
  completed(outcome: FinalOutcome): void;
}

/** Sizes in bytes of what is read and written well. */
export interface BlockSizes {
  /** The smallest that can be written on its own. A power of two. */
  readonly logical: number;
  /** The smallest that is written without a read before. A power of two, ≥ logical. */
  readonly physical: number;
  /** Where the first physical block begins. */
  readonly alignmentOffset: number;
  readonly minimumIo: number;
  /** 0: unknown. */
  readonly optimalIo: number;
}

/**
 * Offsets and lengths in bytes, multiples of 512 and inside the disk. A request ends at once, or it is PENDING and its
 * waiter hears of it from the loop; what `iovecs` names stays in place until then, `iovecs` itself need not.
 */
export interface Disk extends Disposable {
  readonly sizeBytes: number;
  readonly isReadonly: boolean;
  readonly blocks: BlockSizes;
  readonly canDiscard: boolean;
  read(iovecs: IovecTable, offset: number, waiter: DiskWaiter): Outcome;
  /** Volatile until a flush that begins later is done. */
  write(iovecs: IovecTable, offset: number, waiter: DiskWaiter): Outcome;
  flush(waiter: DiskWaiter): Outcome;
  /** The content is not needed any more. */
  discard(offset: number, length: number): FinalOutcome;
  /** Volatile like a write. */
  writeZeroes(offset: number, length: number, mayDeallocate: boolean): FinalOutcome;
  /** Returns once nothing is pending: every waiter has heard. */
  drain(): void;
  /** Grows to that size, or takes over the size that it has now; a ConfigError when it cannot. `sizeBytes` is new then. */
  resize(sizeBytes: number | undefined): void;
}
