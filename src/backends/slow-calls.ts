/**
 * What a disk would have to wait for its medium to do: reads of what is not in the page cache, and flushes. io_uring does
 * them while the I/O thread goes on with what is there, and many at a time.
 */
import { IORING_FSYNC_DATASYNC, IORING_OP_FSYNC, IORING_OP_READV } from '../abi/io-uring.ts';
import { type DiskWaiter, type FinalOutcome, Outcome } from '../devices/disk.ts';
import { IoUring } from '../host/io-uring.ts';
import { Mapping } from '../host/mapping.ts';
import { IovecTable } from '../virtio/chain.ts';
import type { IoLoop } from '../virtio/device.ts';

/** As deep as the queue of most media; what is beyond that waits like any other call. */
const CALLS_MAX = 64;
/** UIO_MAXIOV, and sizeof(struct iovec): a table that has to stay where it is lies in memory of ours. */
const IOVECS_MAX = 1024;
const IOVEC_BYTES = 16;
const TABLE_BYTES = IOVECS_MAX * IOVEC_BYTES;

/** One of them: a read to `iovecs`, or a flush. */
export interface SlowCall {
  readonly kind: 'read' | 'flush';
  readonly iovecs: IovecTable;
  /** Where what is left of a read begins. */
  readonly offset: number;
}

/** How a call that gave `result` ended. A read that was too short goes on when `done` bytes of it are returned. */
export type Judge = (call: SlowCall, result: number) => { readonly outcome: FinalOutcome } | { readonly done: number };

export class SlowCalls implements Disposable {
  readonly #fd: number;
  readonly #ring: IoUring;
  readonly #judge: Judge;
  readonly #resources: DisposableStack;
  readonly #slots: {
    kind: SlowCall['kind'];
    readonly iovecs: IovecTable;
    offset: number;
    waiter: DiskWaiter | undefined;
  }[];
  readonly #pointer: number;
  readonly #free: number[] = [];

  /** Undefined where the kernel has no io_uring for us. */
  static create(fd: number, loop: IoLoop, judge: Judge): SlowCalls | undefined {
    const ring = IoUring.create(CALLS_MAX);
    return ring && new SlowCalls(fd, loop, ring, judge);
  }

  private constructor(fd: number, loop: IoLoop, ring: IoUring, judge: Judge) {
    using resources = new DisposableStack();
    resources.use(ring);
    const tables = resources.use(Mapping.create(CALLS_MAX * TABLE_BYTES, { what: 'requests to a disk' }));
    resources.use(loop.watch(ring.fd, { readable: true }, () => this.#reap()));
    this.#fd = fd;
    this.#ring = ring;
    this.#judge = judge;
    this.#pointer = Number(tables.pointer);
    this.#slots = Array.from({ length: CALLS_MAX }, (_, slot) => {
      this.#free.push(slot);
      const bytes = tables.bytes.subarray(slot * TABLE_BYTES, (slot + 1) * TABLE_BYTES);
      return { kind: 'read', iovecs: new IovecTable(IOVECS_MAX, bytes), offset: 0, waiter: undefined };
    });
    this.#resources = resources.move();
  }

  /** Begins a read; false when there are too many. */
  read(iovecs: IovecTable, offset: number, waiter: DiskWaiter): boolean {
    return this.#begin('read', iovecs, offset, waiter);
  }

  flush(waiter: DiskWaiter): boolean {
    return this.#begin('flush', undefined, 0, waiter);
  }

  /** Returns when all have ended. */
  drain(): void {
    for (this.#reap(); this.#ring.pending > 0; this.#reap()) this.#ring.wait();
  }

  #begin(kind: SlowCall['kind'], iovecs: IovecTable | undefined, offset: number, waiter: DiskWaiter): boolean {
    const number = this.#free.pop();
    if (number === undefined) return false;
    const slot = this.#slots[number]!;
    slot.kind = kind;
    slot.offset = offset;
    slot.waiter = waiter;
    if (iovecs) slot.iovecs.copy(iovecs);
    if (this.#submit(number)) return true;
    this.#free.push(number);
    return false;
  }

  #submit(number: number): boolean {
    const { kind, iovecs, offset } = this.#slots[number]!;
    const call =
      kind === 'read'
        ? {
            opcode: IORING_OP_READV,
            addr: this.#pointer + number * TABLE_BYTES,
            len: iovecs.count,
            off: offset,
            flags: 0,
          }
        : { opcode: IORING_OP_FSYNC, addr: 0, len: 0, off: 0, flags: IORING_FSYNC_DATASYNC };
    return this.#ring.submit({ fd: this.#fd, ...call }, number);
  }

  #reap(): void {
    this.#ring.reap((number, result) => {
      const slot = this.#slots[number]!;
      const judged = this.#judge(slot, result);
      if ('done' in judged) {
        slot.iovecs.drop(judged.done);
        slot.offset += judged.done;
        if (this.#submit(number)) return;
      }
      const { waiter } = slot;
      slot.waiter = undefined;
      this.#free.push(number);
      waiter!.completed('done' in judged ? Outcome.FAILED : judged.outcome);
    });
  }

  [Symbol.dispose](): void {
    this.drain();
    this.#resources.dispose();
  }
}
