/**
 * A disk image in a file or on a block device. Data goes between the page cache and guest memory by one system call per
 * request, on the thread that asks: handing that to anybody else takes longer than the copy (docs/measurements.md, "Disks").
 * What has to wait for a medium is handed over (slow-calls.ts): then the thread has others to serve.
 */
import { ftruncateSync } from 'node:fs';
import { BLKDISCARD, RWF_NOWAIT } from '../abi/block-device.ts';
import { EAGAIN, EOPNOTSUPP } from '../abi/errno.ts';
import { FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE, FALLOC_FL_ZERO_RANGE } from '../abi/libc.ts';
import { ConfigError } from '../base/errors.ts';
import { formatSize, KiB } from '../base/units.ts';
import { type BlockSizes, type Disk, type DiskWaiter, type FinalOutcome, Outcome } from '../devices/disk.ts';
import { describeErrno } from '../host/errno.ts';
import type { Fd } from '../host/fd.ts';
import { fallocate, fdatasync, preadv2, pwrite, pwritev } from '../host/file-io.ts';
import * as libc from '../host/libc.ts';
import type { IovecTable } from '../virtio/chain.ts';
import type { IoLoop } from '../virtio/device.ts';
import { blockFacts } from './block-facts.ts';
import { type SlowCall, SlowCalls } from './slow-calls.ts';

export interface FileDiskOptions {
  /** An open file, which the disk closes. */
  readonly fd: Fd;
  readonly path: string;
  readonly isReadonly: boolean;
  /** Bytes; what the file suggests when undefined. */
  readonly logicalBlockSize?: number | undefined;
  /** False: the guest's discards are not passed on. */
  readonly discard: boolean;
  readonly loop: IoLoop;
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
  /** Whether reads ask not to wait (RWF_NOWAIT): tmpfs does not know that, nor does it need it. */
  #asksNotToWait = true;
  /** Made when something has to wait. */
  #slowCalls: SlowCalls | undefined;
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

  read(iovecs: IovecTable, offset: number, waiter: DiskWaiter): Outcome {
    let flags = this.#asksNotToWait ? RWF_NOWAIT : 0;
    for (let at = offset; ; ) {
      const count = preadv2(this.#fd, iovecs.bytes, iovecs.count, at, flags);
      if (count === iovecs.byteLength) return Outcome.DONE;
      if (count > 0) {
        iovecs.drop(count);
        at += count;
      } else if (count === 0) return this.#endedAt(at);
      else {
        const errno = libc.errno();
        if (flags === 0) return this.#failed('read', iovecs.byteLength, at, errno);
        if (errno === EAGAIN && this.#slow()?.read(iovecs, at, waiter)) return Outcome.PENDING;
        if (errno === EOPNOTSUPP) this.#asksNotToWait = false;
        // It waits here then, or fails again.
        flags = 0;
      }
    }
  }

  write(iovecs: IovecTable, offset: number): Outcome {
    for (let at = offset; ; ) {
      const count = pwritev(this.#fd, iovecs.bytes, iovecs.count, at);
      if (count === iovecs.byteLength) return Outcome.DONE;
      // A file of too little room takes what fits first, and says so when it is asked again.
      if (count < 0) return this.#failed('write', iovecs.byteLength, at, libc.errno());
      iovecs.drop(count);
      at += count;
    }
  }

  flush(waiter: DiskWaiter): Outcome {
    if (this.#slow()?.flush(waiter)) return Outcome.PENDING;
    return fdatasync(this.#fd) === 0 ? Outcome.DONE : this.#failed('flush', 0, 0, libc.errno());
  }

  discard(offset: number, length: number): FinalOutcome {
    const isDone = this.#isBlockDevice
      ? libc.ioctlStruct(this.#fd, BLKDISCARD, rangeOf(offset, length)) === 0
      : this.#allocate(FALLOC_FL_PUNCH_HOLE, offset, length);
    return isDone ? Outcome.DONE : this.#failed('discard', length, offset, libc.errno());
  }

  writeZeroes(offset: number, length: number, mayDeallocate: boolean): FinalOutcome {
    if (mayDeallocate && this.canDiscard && this.#allocate(FALLOC_FL_PUNCH_HOLE, offset, length)) return Outcome.DONE;
    if (this.#allocate(FALLOC_FL_ZERO_RANGE, offset, length)) return Outcome.DONE;
    for (let done = 0; done < length; ) {
      const count = pwrite(this.#fd, ZEROES, Math.min(ZEROES.length, length - done), offset + done);
      if (count < 0) return this.#failed('write', length, offset, libc.errno());
      done += count;
    }
    return Outcome.DONE;
  }

  drain(): void {
    this.#slowCalls?.drain();
  }

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
    this.#slowCalls?.[Symbol.dispose]();
    this.#options.fd[Symbol.dispose]();
  }

  #allocate(mode: number, offset: number, length: number): boolean {
    return fallocate(this.#fd, mode | FALLOC_FL_KEEP_SIZE, offset, length) === 0;
  }

  /** Who does what has to wait; undefined where nothing has, and where there is no io_uring. */
  #slow(): SlowCalls | undefined {
    if (!this.#asksNotToWait || this.#slowCalls) return this.#slowCalls;
    this.#slowCalls = SlowCalls.create(this.#fd, this.#options.loop, (call, result) => this.#judge(call, result));
    this.#asksNotToWait = this.#slowCalls !== undefined;
    return this.#slowCalls;
  }

  /** What has waited is over, or was too short. */
  #judge({ kind, iovecs, offset }: SlowCall, result: number): { outcome: FinalOutcome } | { done: number } {
    if (result < 0) return { outcome: this.#failed(kind, iovecs.byteLength, offset, -result) };
    if (kind === 'flush' || result === iovecs.byteLength) return { outcome: Outcome.DONE };
    return result === 0 ? { outcome: this.#endedAt(offset) } : { done: result };
  }

  #endedAt(offset: number): FinalOutcome {
    return this.#complain('ended', `it ends at ${offset}, before the end of the disk: it was truncated`);
  }

  #failed(doing: 'read' | 'write' | 'flush' | 'discard', length: number, offset: number, errno: number): FinalOutcome {
    if (errno === EOPNOTSUPP) return Outcome.UNSUPPORTED;
    const what = doing === 'flush' ? 'flush what was written' : `${doing} ${length} bytes at ${offset}`;
    return this.#complain(`${doing} ${errno}`, `cannot ${what}: ${describeErrno(errno)}`);
  }

  /** Tells the user about the first of its `kind`; the guest hears of every one. */
  #complain(kind: string, what: string): FinalOutcome {
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
