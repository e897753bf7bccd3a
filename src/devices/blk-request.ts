/**
 * One request of virtio-blk (virtio 1.4 §5.2.6): a header, data, and a status byte at the end of what the device may write.
 * The driver may cut it into descriptors as it likes (§2.7.4), so only positions in the two strings of bytes count. What is
 * wrong with a request its status says; the device goes on.
 */
import {
  VIRTIO_BLK_ID_BYTES,
  VIRTIO_BLK_S_IOERR,
  VIRTIO_BLK_S_OK,
  VIRTIO_BLK_S_UNSUPP,
  VIRTIO_BLK_T_DISCARD,
  VIRTIO_BLK_T_FLUSH,
  VIRTIO_BLK_T_GET_ID,
  VIRTIO_BLK_T_IN,
  VIRTIO_BLK_T_OUT,
  VIRTIO_BLK_T_WRITE_ZEROES,
  VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP,
  virtio_blk_discard_write_zeroes,
  virtio_blk_outhdr,
} from '../abi/virtio-blk.ts';
import { MiB } from '../base/units.ts';
import { type DescriptorChain, IovecTable } from '../virtio/chain.ts';
import type { Virtqueue } from '../virtio/queue.ts';
import { type Disk, type DiskWaiter, type FinalOutcome, Outcome } from './disk.ts';

export const SECTOR_BYTES = 512;
/** What one request does in one turn, so that a request for gigabytes leaves the others theirs. */
const STEP_BYTES = 4 * MiB;
/** UIO_MAXIOV: more entries preadv(2) refuses. A longer chain takes more steps. */
const IOVECS_MAX = 1024;

/** Limits of discard and write-zeroes, also told in the config space; they bound what one request costs. */
export const DISCARD_SECTORS_MAX = (1024 * MiB) / SECTOR_BYTES;
export const DISCARD_SEGMENTS_MAX = 32;
/** Zeroes may have to be written out. */
export const WRITE_ZEROES_SECTORS_MAX = (16 * MiB) / SECTOR_BYTES;
export const WRITE_ZEROES_SEGMENTS_MAX = 1;

const STATUS: Readonly<Record<FinalOutcome, Uint8Array>> = {
  [Outcome.DONE]: Uint8Array.of(VIRTIO_BLK_S_OK),
  [Outcome.FAILED]: Uint8Array.of(VIRTIO_BLK_S_IOERR),
  [Outcome.UNSUPPORTED]: Uint8Array.of(VIRTIO_BLK_S_UNSUPP),
};

/** What a request needs of its device. */
export interface BlkDevice {
  readonly disk: Disk;
  /** What GET_ID answers, VIRTIO_BLK_ID_BYTES of it. */
  readonly serial: Uint8Array;
  /** Whether the driver may discard (VIRTIO_BLK_F_DISCARD, _WRITE_ZEROES). */
  readonly acceptsDiscard: boolean;
  readonly acceptsWriteZeroes: boolean;
  /** Whether a write has to be stable when it is completed. */
  readonly isWritethrough: boolean;
  readonly scratch: BlkScratch;
  /** Flushes once it is settled, with others of the same turn; then `request.flushed`. */
  flushSoon(request: BlkRequest): void;
  /** Calls `request.goOn` in the next turn. */
  goOnSoon(request: BlkRequest): void;
  /** A request went on outside of a turn: what it left for the end of one is to be done. */
  settle(): void;
  /** `request` is done and can be another one. */
  recycle(request: BlkRequest): void;
}

const HEADER_BYTES = virtio_blk_outhdr.size;
const RANGE_BYTES = virtio_blk_discard_write_zeroes.size;
const Header = {
  TYPE: virtio_blk_outhdr.fields.type.offset,
  SECTOR: virtio_blk_outhdr.fields.sector.offset,
};
const Range = {
  SECTOR: virtio_blk_discard_write_zeroes.fields.sector.offset,
  NUM_SECTORS: virtio_blk_discard_write_zeroes.fields.num_sectors.offset,
  FLAGS: virtio_blk_discard_write_zeroes.fields.flags.offset,
};

/** What a request uses only until it is done or waits: one for all requests of a device. */
export class BlkScratch {
  readonly header = new Uint8Array(HEADER_BYTES);
  readonly headerView = new DataView(this.header.buffer);
  readonly ranges = new Uint8Array(DISCARD_SEGMENTS_MAX * RANGE_BYTES);
  readonly rangesView = new DataView(this.ranges.buffer);
  readonly iovecs = new IovecTable(IOVECS_MAX);
}

export class BlkRequest implements DiskWaiter {
  readonly #device: BlkDevice;
  #queue: Virtqueue | undefined;
  #chain: DescriptorChain | undefined;
  /** Where the status byte belongs in the writable part. */
  #statusAt = 0;
  /** Bytes that the device has put before the status, from the start of the writable part on. */
  #filled = 0;
  // A transfer: from where in the chain to where on the disk, and how far it has come.
  #isRead = false;
  #diskOffset = 0;
  #length = 0;
  #done = 0;
  #stepLength = 0;

  constructor(device: BlkDevice) {
    this.#device = device;
  }

  /** Which queue it came from. */
  get queue(): Virtqueue | undefined {
    return this.#queue;
  }

  /** Does what `chain` asks for, or begins to. */
  start(queue: Virtqueue, chain: DescriptorChain): void {
    this.#queue = queue;
    this.#chain = chain;
    this.#statusAt = chain.writableLength - 1;
    this.#filled = 0;
    const isWhole = chain.read(this.#device.scratch.header) === HEADER_BYTES && this.#statusAt >= 0;
    const outcome = isWhole ? this.#dispatch(chain) : Outcome.FAILED;
    if (outcome !== Outcome.PENDING) this.#finish(outcome);
  }

  /** The next step of a long transfer. */
  goOn(): void {
    const outcome = this.#step(this.#chain!);
    if (outcome !== Outcome.PENDING) this.#finish(outcome);
  }

  /** The disk has done what was PENDING: one step of a transfer. */
  completed(outcome: FinalOutcome): void {
    const next = outcome === Outcome.DONE ? this.#stepDone() : outcome;
    if (next !== Outcome.PENDING) this.#finish(next);
    this.#device.settle();
  }

  flushed(outcome: FinalOutcome): void {
    this.#finish(outcome);
  }

  #dispatch(chain: DescriptorChain): Outcome {
    const { disk, scratch } = this.#device;
    const type = scratch.headerView.getUint32(Header.TYPE, true);
    switch (type) {
      case VIRTIO_BLK_T_IN:
        return this.#transfer(chain, true, this.#statusAt);
      case VIRTIO_BLK_T_OUT:
        return disk.isReadonly ? Outcome.FAILED : this.#transfer(chain, false, chain.readLeft);
      case VIRTIO_BLK_T_FLUSH:
        return this.#flush();
      case VIRTIO_BLK_T_GET_ID:
        return this.#getId(chain);
      case VIRTIO_BLK_T_DISCARD:
        return this.#changeRanges(chain, type, this.#device.acceptsDiscard, DISCARD_SEGMENTS_MAX);
      case VIRTIO_BLK_T_WRITE_ZEROES:
        return this.#changeRanges(chain, type, this.#device.acceptsWriteZeroes, WRITE_ZEROES_SEGMENTS_MAX);
      default:
        return Outcome.UNSUPPORTED;
    }
  }

  #transfer(chain: DescriptorChain, isRead: boolean, length: number): Outcome {
    const sector = sectorAt(this.#device.scratch.headerView, Header.SECTOR);
    if (!this.#isInside(sector, length / SECTOR_BYTES)) return Outcome.FAILED;
    this.#isRead = isRead;
    this.#diskOffset = sector * SECTOR_BYTES;
    this.#length = length;
    this.#done = 0;
    return length === 0 ? Outcome.DONE : this.#step(chain);
  }

  #step(chain: DescriptorChain): Outcome {
    const { disk, scratch } = this.#device;
    const { iovecs } = scratch;
    const length = Math.min(this.#length - this.#done, STEP_BYTES);
    iovecs.clear();
    if (this.#isRead) chain.writableIovecs(iovecs, this.#done, length);
    else chain.readableIovecs(iovecs, HEADER_BYTES + this.#done, length);
    this.#stepLength = iovecs.byteLength;
    const offset = this.#diskOffset + this.#done;
    const outcome = this.#isRead ? disk.read(iovecs, offset, this) : disk.write(iovecs, offset, this);
    return outcome === Outcome.DONE ? this.#stepDone() : outcome;
  }

  #stepDone(): Outcome {
    this.#done += this.#stepLength;
    if (this.#done < this.#length) {
      this.#device.goOnSoon(this);
      return Outcome.PENDING;
    }
    if (this.#isRead) this.#filled = this.#length;
    else if (this.#device.isWritethrough) return this.#flush();
    return Outcome.DONE;
  }

  #flush(): Outcome {
    this.#device.flushSoon(this);
    return Outcome.PENDING;
  }

  /** §5.2.6: up to 20 bytes, padded with NUL. */
  #getId(chain: DescriptorChain): Outcome {
    const count = Math.min(this.#statusAt, VIRTIO_BLK_ID_BYTES);
    chain.write(this.#device.serial.subarray(0, count));
    this.#filled = count;
    return Outcome.DONE;
  }

  /** Discards or zeroes: nothing is done unless all ranges are right. */
  #changeRanges(chain: DescriptorChain, type: number, isAccepted: boolean, countMax: number): Outcome {
    const { disk, scratch } = this.#device;
    const { ranges, rangesView } = scratch;
    if (disk.isReadonly) return Outcome.FAILED;
    if (!isAccepted) return Outcome.UNSUPPORTED;
    const count = chain.readLeft / RANGE_BYTES;
    if (!Number.isInteger(count) || count === 0 || count > countMax) return Outcome.FAILED;
    chain.read(ranges);
    const isDiscard = type === VIRTIO_BLK_T_DISCARD;
    for (let index = 0; index < count; index++) {
      const flags = rangesView.getUint32(index * RANGE_BYTES + Range.FLAGS, true);
      const known = isDiscard ? 0 : VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP;
      if ((flags & ~known) !== 0) return Outcome.UNSUPPORTED;
      const sectors = rangesView.getUint32(index * RANGE_BYTES + Range.NUM_SECTORS, true);
      if (sectors > (isDiscard ? DISCARD_SECTORS_MAX : WRITE_ZEROES_SECTORS_MAX)) return Outcome.FAILED;
      if (!this.#isInside(sectorAt(rangesView, index * RANGE_BYTES + Range.SECTOR), sectors)) return Outcome.FAILED;
    }
    for (let index = 0; index < count; index++) {
      const offset = sectorAt(rangesView, index * RANGE_BYTES + Range.SECTOR) * SECTOR_BYTES;
      const length = rangesView.getUint32(index * RANGE_BYTES + Range.NUM_SECTORS, true) * SECTOR_BYTES;
      const mayDeallocate = rangesView.getUint32(index * RANGE_BYTES + Range.FLAGS, true) !== 0;
      if (length === 0) continue;
      const outcome = isDiscard ? disk.discard(offset, length) : disk.writeZeroes(offset, length, mayDeallocate);
      if (outcome !== Outcome.DONE) return outcome;
    }
    return !isDiscard && this.#device.isWritethrough ? this.#flush() : Outcome.DONE;
  }

  /** Whether these are whole sectors, all of the disk. */
  #isInside(sector: number, count: number): boolean {
    return Number.isInteger(count) && sector + count <= this.#device.disk.sizeBytes / SECTOR_BYTES;
  }

  #finish(outcome: FinalOutcome): void {
    const chain = this.#chain!;
    this.#chain = undefined;
    this.#queue = undefined;
    if (this.#statusAt >= 0) chain.writeAt(this.#statusAt, STATUS[outcome]);
    // §2.7.8.2: the device has written at least that much, counted from the first writable byte.
    chain.complete(this.#filled === this.#statusAt ? this.#statusAt + 1 : this.#filled);
    this.#device.recycle(this);
  }
}

/** A le64; what is above 2^53 comes out rounded, and is beyond every disk all the same. */
function sectorAt(view: DataView, offset: number): number {
  return view.getUint32(offset, true) + view.getUint32(offset + 4, true) * 2 ** 32;
}
