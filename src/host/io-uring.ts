/**
 * io_uring(7): calls that end later. Each is handed over by itself, at once; how they ended is read from memory that the
 * kernel shares with us. The ring's file descriptor is readable while there are results.
 */
import { EINTR } from '../abi/errno.ts';
import {
  IORING_ENTER_GETEVENTS,
  IORING_FEAT_NODROP,
  IORING_FEAT_SINGLE_MMAP,
  IORING_OFF_SQ_RING,
  IORING_OFF_SQES,
  io_uring_cqe,
  io_uring_params,
  io_uring_sqe,
} from '../abi/io-uring.ts';
import { SYS_io_uring_enter, SYS_io_uring_setup } from '../abi/libc.ts';
import { assert } from '../base/assert.ts';
import { unpack } from '../base/layout.ts';
import { hostError } from './errno.ts';
import { Fd } from './fd.ts';
import { koffi } from './koffi.ts';
import * as libc from './libc.ts';
import { Mapping } from './mapping.ts';

const library = koffi.load(null);
const setup = library.func('long syscall(long number, unsigned int entries, void *params)') as unknown as (
  number: number,
  entries: number,
  params: Uint8Array,
) => number;
const enter = library.func(
  'long syscall(long number, int fd, unsigned int submit, unsigned int complete, unsigned int flags, size_t argument, size_t size)',
) as unknown as (
  number: number,
  fd: number,
  submit: number,
  complete: number,
  flags: number,
  argument: number,
  size: number,
) => number;

const U32 = 4;
const SQE = io_uring_sqe.fields;
const CQE = io_uring_cqe.fields;
/** Both come with Linux 5.5; what is older is not worth another way. */
const FEATURES = IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP;

/** A call: fields of struct io_uring_sqe. */
export interface Submission {
  readonly opcode: number;
  readonly fd: number;
  readonly addr: number;
  readonly len: number;
  readonly off: number;
  /** rw_flags, fsync_flags … */
  readonly flags: number;
}

export class IoUring implements Disposable {
  readonly #resources: DisposableStack;
  readonly #fd: Fd;
  readonly #words: Int32Array;
  readonly #results: DataView;
  readonly #submissions: Mapping;
  readonly #offsets: Offsets;
  readonly entries: number;
  /** Calls that have not ended. */
  #pending = 0;

  /** For up to `entries` calls at once; undefined where the kernel has none or does not let us. */
  static create(entries: number): IoUring | undefined {
    const params = new Uint8Array(io_uring_params.size);
    const number = setup(SYS_io_uring_setup, entries, params);
    if (number < 0) return undefined;
    using resources = new DisposableStack();
    const fd = resources.use(new Fd(number));
    const offsets = unpack(io_uring_params, params);
    if ((offsets.features & FEATURES) !== FEATURES) return undefined;
    return new IoUring(fd, offsets, resources.move());
  }

  private constructor(fd: Fd, offsets: Offsets, resources: DisposableStack) {
    const { sq_entries, cq_entries } = offsets;
    const what = 'io_uring';
    const end = Math.max(
      offsets['sq_off.array'] + sq_entries * U32,
      offsets['cq_off.cqes'] + cq_entries * io_uring_cqe.size,
    );
    const rings = resources.use(Mapping.create(end, { what, fd, offset: IORING_OFF_SQ_RING }));
    const size = sq_entries * io_uring_sqe.size;
    this.#submissions = resources.use(Mapping.create(size, { what, fd, offset: IORING_OFF_SQES }));
    this.#words = new Int32Array(rings.buffer, 0, Math.floor(end / U32));
    this.#results = rings.view;
    this.#fd = fd;
    this.#offsets = offsets;
    this.entries = sq_entries;
    this.#resources = resources;
  }

  get fd(): number {
    return this.#fd.number;
  }

  get pending(): number {
    return this.#pending;
  }

  /** Begins a call, whose result comes with `id`; false when the kernel has no room for it. At most `entries` may be pending. */
  submit(call: Submission, id: number): boolean {
    assert(this.#pending < this.entries, 'io_uring has too many calls at once');
    const offsets = this.#offsets;
    const tail = this.#words[offsets['sq_off.tail'] / U32]!;
    const index = tail & (this.entries - 1);
    const { view, bytes } = this.#submissions;
    const at = index * io_uring_sqe.size;
    bytes.fill(0, at, at + io_uring_sqe.size);
    view.setUint8(at + SQE.opcode.offset, call.opcode);
    view.setInt32(at + SQE.fd.offset, call.fd, true);
    view.setBigUint64(at + SQE.addr.offset, BigInt(call.addr), true);
    view.setUint32(at + SQE.len.offset, call.len, true);
    view.setBigUint64(at + SQE.off.offset, BigInt(call.off), true);
    view.setUint32(at + SQE.rw_flags.offset, call.flags, true);
    view.setUint32(at + SQE.user_data.offset, id, true);
    this.#words[offsets['sq_off.array'] / U32 + index] = index;
    // The kernel loads the tail with acquire: what is before this store it sees.
    Atomics.store(this.#words, offsets['sq_off.tail'] / U32, tail + 1);
    if (this.#enter(1, 0)) {
      this.#pending++;
      return true;
    }
    // It looks at the tail in a call only, so what it did not take can be taken back.
    Atomics.store(this.#words, offsets['sq_off.tail'] / U32, tail);
    return false;
  }

  /** Calls `ended` for every call that has; `result` is what the system call would have returned, or -errno. */
  reap(ended: (id: number, result: number) => void): void {
    const { 'cq_off.head': headAt, 'cq_off.tail': tailAt, 'cq_off.cqes': cqes, cq_entries } = this.#offsets;
    // Each time from memory: `ended` may submit, or reap.
    while (this.#words[headAt / U32] !== Atomics.load(this.#words, tailAt / U32)) {
      const head = this.#words[headAt / U32]!;
      const at = cqes + (head & (cq_entries - 1)) * io_uring_cqe.size;
      const id = this.#results.getUint32(at + CQE.user_data.offset, true);
      const result = this.#results.getInt32(at + CQE.res.offset, true);
      // The entry is the kernel's again after this store.
      Atomics.store(this.#words, headAt / U32, head + 1);
      this.#pending--;
      ended(id, result);
    }
  }

  /** Sleeps until a call has ended. */
  wait(): void {
    if (!this.#enter(0, 1)) throw hostError('wait for calls of io_uring', libc.errno());
  }

  #enter(submit: number, complete: number): boolean {
    const flags = complete > 0 ? IORING_ENTER_GETEVENTS : 0;
    for (;;) {
      const result = enter(SYS_io_uring_enter, this.fd, submit, complete, flags, 0, 0);
      if (result >= 0) return result >= submit;
      if (libc.errno() !== EINTR) return false;
    }
  }

  /** Calls that have not ended go on: the caller sees to it that there are none. */
  [Symbol.dispose](): void {
    this.#resources.dispose();
  }
}

type Offsets = ReturnType<typeof unpack<typeof io_uring_params>>;
