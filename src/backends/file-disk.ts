/**
 * A disk image in a file or on a block device. Data goes between the page cache and guest memory by one system call per
 * request, on the thread that asks: handing it to anybody else takes longer than the copy (docs/measurements.md, "Disks").
 */
import { ftruncateSync } from 'node:fs';
import { BLKDISCARD } from '../abi/block-device.ts';
import { EOPNOTSUPP } from '../abi/errno.ts';
import { FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE, FALLOC_FL_ZERO_RANGE } from '../abi/libc.ts';
import { ConfigError } from '../base/errors.ts';
import { formatSize, KiB } from '../base/units.ts';
import { type BlockSizes, type Disk, type FinalOutcome, Outcome } from '../devices/disk.ts';
import { describeErrno } from '../host/errno.ts';
import type { Fd } from '../host/fd.ts';
import { fallocate, fdatasync, preadv2, pwrite, pwritev } from '../host/file-io.ts';
import * as libc from '../host/libc.ts';
import type { IovecTable } from '../virtio/chain.ts';
import { blockFacts } from './block-facts.ts';

export interface FileDiskOptions {
  /** An open file, which the disk closes. */
  readonly fd: Fd;
  readonly path: string;
  readonly isReadonly: boolean;
  /** Bytes; what the file suggests when undefined. */
  readonly logicalBlockSize?: number | undefined;
  /** False: the guest's discards are not passed on. */
  readonly discard: boolean;
  log(message: string): void;
}

const ZEROES = new Uint8Array(64 * KiB);

export class FileDisk implements Disk {
  readonly isReadonly: boolean;
  readonly blocks: BlockSizes;
  readonly canDiscard: boolean;
  readonly #options: FileDiskOptions;
  readonly #fd: number;
  readonly #isBlockDevice: boolean;
  #sizeBytes: number;
  /** What has been complained about: the guest tries again, and one line is enough. */
  readonly #complaints = new Set<string>();

  constructor(options: FileDiskOptions) {
    const facts = blockFacts(options.fd, options.logicalBlockSize);
    this.#options = options;
    this.#fd = options.fd.number;
    this.isReadonly = options.isReadonly;
    this.blocks = facts.blocks;
    this.canDiscard = options.discard && facts.canDiscard;
    this.#isBlockDevice = facts.isBlockDevice;
    this.#sizeBytes = facts.sizeBytes;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  read(iovecs: IovecTable, offset: number): Outcome {
    for (let at = offset; ; ) {
      const count = preadv2(this.#fd, iovecs.bytes, iovecs.count, at, 0);
      if (count === iovecs.byteLength) return Outcome.DONE;
      if (count < 0) return this.#failed(`read ${iovecs.byteLength} bytes at ${at}`, libc.errno());
      if (count === 0) return this.#complain(`it ends at ${at}, before the end of the disk: it was truncated`);
      iovecs.drop(count);
      at += count;
    }
  }

  write(iovecs: IovecTable, offset: number): Outcome {
    for (let at = offset; ; ) {
      const count = pwritev(this.#fd, iovecs.bytes, iovecs.count, at);
      if (count === iovecs.byteLength) return Outcome.DONE;
      // A file of too little room takes what fits first, and says so when it is asked again.
      if (count < 0) return this.#failed(`write ${iovecs.byteLength} bytes at ${at}`, libc.errno());
      iovecs.drop(count);
      at += count;
    }
  }

  flush(): Outcome {
    return fdatasync(this.#fd) === 0 ? Outcome.DONE : this.#failed('flush what was written', libc.errno());
  }

  discard(offset: number, length: number): FinalOutcome {
    const isDone = this.#isBlockDevice
      ? libc.ioctlStruct(this.#fd, BLKDISCARD, rangeOf(offset, length)) === 0
      : this.#allocate(FALLOC_FL_PUNCH_HOLE, offset, length);
    return isDone ? Outcome.DONE : this.#failed(`discard ${length} bytes at ${offset}`, libc.errno());
  }

  writeZeroes(offset: number, length: number, mayDeallocate: boolean): FinalOutcome {
    if (mayDeallocate && this.canDiscard && this.#allocate(FALLOC_FL_PUNCH_HOLE, offset, length)) return Outcome.DONE;
    if (this.#allocate(FALLOC_FL_ZERO_RANGE, offset, length)) return Outcome.DONE;
    for (let done = 0; done < length; ) {
      const count = pwrite(this.#fd, ZEROES, Math.min(ZEROES.length, length - done), offset + done);
      if (count < 0) return this.#failed(`write ${length} zeroes at ${offset}`, libc.errno());
      done += count;
    }
    return Outcome.DONE;
  }

  drain(): void {}

  resize(sizeBytes: number | undefined): void {
    const { path } = this.#options;
    const refuse = (why: string): never => {
      throw new ConfigError(`Cannot resize ${path}: ${why}`);
    };
    if (sizeBytes !== undefined) {
      if (this.#isBlockDevice) refuse('it is a block device: resize that, then call resize without a size');
      if (this.isReadonly) refuse('it is read-only');
      if (sizeBytes < this.#sizeBytes) refuse(`it has ${formatSize(this.#sizeBytes)}, and a disk only grows`);
      try {
        ftruncateSync(this.#fd, sizeBytes);
      } catch (error) {
        refuse((error as Error).message);
      }
    }
    this.#sizeBytes = blockFacts(this.#options.fd, this.blocks.logical).sizeBytes;
  }

  [Symbol.dispose](): void {
    this.#options.fd[Symbol.dispose]();
  }

  #allocate(mode: number, offset: number, length: number): boolean {
    return fallocate(this.#fd, mode | FALLOC_FL_KEEP_SIZE, offset, length) === 0;
  }

  #failed(doing: string, errno: number): FinalOutcome {
    if (errno === EOPNOTSUPP) return Outcome.UNSUPPORTED;
    return this.#complain(`cannot ${doing}: ${describeErrno(errno)}`, `${doing.split(' ', 1)[0]} ${errno}`);
  }

  /** Tells the user about the first of its `kind`; the guest hears of every one. */
  #complain(what: string, kind = what): FinalOutcome {
    if (this.#complaints.has(kind)) return Outcome.FAILED;
    this.#complaints.add(kind);
    this.#options.log(`${this.#options.path}: ${what}; the guest gets an I/O error, now and if it happens again`);
    return Outcome.FAILED;
  }
}

/** What BLKDISCARD takes: two u64 (linux/fs.h). */
function rangeOf(offset: number, length: number): Uint8Array {
  return new Uint8Array(BigUint64Array.of(BigInt(offset), BigInt(length)).buffer);
}
