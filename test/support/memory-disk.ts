/** A disk in memory that finds iovecs in a GuestRam, does what a test tells it to, and notes what it was asked. */
import type { DiskWaiter, FinalOutcome } from '../../src/devices/disk.ts';
import { type BlockSizes, type Disk, Outcome } from '../../src/devices/disk.ts';
import type { IovecTable } from '../../src/virtio/chain.ts';
import type { GuestRam } from './guest-ram.ts';

export interface MemoryDiskOptions {
  readonly sizeBytes?: number;
  readonly isReadonly?: boolean;
  readonly canDiscard?: boolean;
  readonly blocks?: Partial<BlockSizes>;
}

/** `ram` has to be made with the same `pointer`. */
export class MemoryDisk implements Disk {
  readonly bytes: Uint8Array;
  sizeBytes: number;
  readonly isReadonly: boolean;
  readonly canDiscard: boolean;
  readonly blocks: BlockSizes;
  /** "write 512 +1024", "flush", … */
  readonly asked: string[] = [];
  /** What reads, writes and flushes give from now on; PENDING keeps the waiter. */
  outcome: Outcome = Outcome.DONE;
  readonly waiters: DiskWaiter[] = [];
  isDisposed = false;
  readonly #ram: GuestRam;
  readonly #pointer: number;

  constructor(ram: GuestRam, pointer: number, options: MemoryDiskOptions = {}) {
    const { sizeBytes = 64 * 1024, isReadonly = false, canDiscard = true, blocks = {} } = options;
    this.#ram = ram;
    this.#pointer = pointer;
    this.sizeBytes = sizeBytes;
    this.bytes = new Uint8Array(Math.min(sizeBytes, 1024 * 1024));
    this.isReadonly = isReadonly;
    this.canDiscard = canDiscard;
    this.blocks = { logical: 512, physical: 4096, alignmentOffset: 0, minimumIo: 4096, optimalIo: 0, ...blocks };
  }

  read(iovecs: IovecTable, offset: number, waiter: DiskWaiter): Outcome {
    this.asked.push(`read ${offset} +${iovecs.byteLength}`);
    if (this.outcome !== Outcome.DONE) return this.#later(waiter);
    let at = offset;
    for (const piece of this.#pieces(iovecs)) {
      piece.set(this.bytes.subarray(at, at + piece.length));
      at += piece.length;
    }
    return Outcome.DONE;
  }

  write(iovecs: IovecTable, offset: number, waiter: DiskWaiter): Outcome {
    this.asked.push(`write ${offset} +${iovecs.byteLength}`);
    if (this.outcome !== Outcome.DONE) return this.#later(waiter);
    let at = offset;
    for (const piece of this.#pieces(iovecs)) {
      this.bytes.set(piece, at);
      at += piece.length;
    }
    return Outcome.DONE;
  }

  flush(waiter: DiskWaiter): Outcome {
    this.asked.push('flush');
    return this.#later(waiter);
  }

  discard(offset: number, length: number): FinalOutcome {
    this.asked.push(`discard ${offset} +${length}`);
    return this.#now();
  }

  writeZeroes(offset: number, length: number, mayDeallocate: boolean): FinalOutcome {
    this.asked.push(`${mayDeallocate ? 'unmap' : 'zero'} ${offset} +${length}`);
    this.bytes.fill(0, offset, offset + length);
    return this.#now();
  }

  /** Lets the first PENDING request end. */
  complete(outcome: FinalOutcome = Outcome.DONE): void {
    this.waiters.shift()!.completed(outcome);
  }

  drain(): void {
    while (this.waiters.length > 0) this.complete();
  }

  resize(sizeBytes: number | undefined): void {
    this.sizeBytes = sizeBytes ?? this.sizeBytes * 2;
  }

  [Symbol.dispose](): void {
    this.isDisposed = true;
  }

  #later(waiter: DiskWaiter): Outcome {
    if (this.outcome === Outcome.PENDING) this.waiters.push(waiter);
    return this.outcome;
  }

  #now(): FinalOutcome {
    return this.outcome === Outcome.PENDING ? Outcome.DONE : this.outcome;
  }

  *#pieces(iovecs: IovecTable): Iterable<Uint8Array> {
    const view = new DataView(iovecs.bytes.buffer, iovecs.bytes.byteOffset);
    for (let index = 0; index < iovecs.count; index++) {
      const start = Number(view.getBigUint64(16 * index, true)) - this.#pointer;
      yield this.#ram.bytes.subarray(start, start + Number(view.getBigUint64(16 * index + 8, true)));
    }
  }
}
