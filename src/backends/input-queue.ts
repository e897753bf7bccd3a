/**
 * Input for the guest, from a file descriptor. The guest takes a few bytes at a time; what it does not take waits here,
 * up to a bound, then the sender has to wait. Only a terminal is read on, for the sake of its escape keys.
 */
import { readSync } from 'node:fs';
import { ByteQueue } from '../base/byte-queue.ts';
import { KiB, MiB } from '../base/units.ts';
import { mainLoop } from '../host/main-loop.ts';
import { isPollable } from '../host/poll.ts';
import type { ConsoleLoop } from './console.ts';

const READ_BYTES = 16 * KiB;
/** Enough to notice that a client who typed something has gone, though the guest takes nothing. */
const READ_AHEAD_BYTES = 64 * KiB;
/** Typed or pasted and not taken by the guest; the terminal rings for what is beyond. */
const TYPED_BYTES_MAX = 1 * MiB;

export interface InputOptions {
  /** Whose loop watches the descriptor. Default: the main thread's. */
  readonly loop?: ConsoleLoop | undefined;
  /** For a terminal: what of the bytes read goes to the guest. Called even while the guest takes nothing. */
  readonly filter?: (bytes: Uint8Array) => Uint8Array;
  /** Bytes of a terminal had to be dropped, for too many wait. */
  onDropped?(): void;
  /** Nothing more will come: the end of the file, or of the connection. What waits is still offered. */
  onEnd?(): void;
  /** Nothing more will come, and the guest has taken everything. */
  onTaken?(): void;
}

export class InputQueue implements Disposable {
  readonly #fd: number;
  readonly #options: InputOptions;
  readonly #waiting = new ByteQueue(TYPED_BYTES_MAX);
  readonly #buffer = new Uint8Array(READ_BYTES);
  readonly #isPollable: boolean;
  #receive: ((bytes: Uint8Array) => number) | undefined;
  #offering = false;
  /** It took less than it was offered: it will call `resume`. */
  #guestIsFull = false;
  #ended = false;
  #isTaken = false;
  #watching: Disposable | undefined;

  /** `fd` stays the caller's; nobody else may have the event loop watch it. */
  constructor(fd: number, options: InputOptions = {}) {
    this.#fd = fd;
    this.#options = options;
    this.#isPollable = isPollable(fd);
  }

  /** Begins to read. `receive` returns how many bytes it took; when that was not all, `resume` offers the rest. */
  start(receive: (bytes: Uint8Array) => number): void {
    this.#receive = receive;
    this.resume();
  }

  /** The guest has room again. From inside `receive` it means nothing: what that returns says whether there is room. */
  resume(): void {
    if (this.#offering) return;
    this.#guestIsFull = false;
    this.#pump();
  }

  [Symbol.dispose](): void {
    this.#ended = true;
    this.#receive = undefined;
    this.#waiting.clear();
    this.#watch();
  }

  #pump(): void {
    const receive = this.#receive;
    if (!receive) return;
    this.#offering = true;
    this.#offer(receive);
    // A file is always ready: it is read as fast as the guest takes it.
    while (!this.#isPollable && !this.#ended && this.#waiting.length === 0) {
      this.#read();
      this.#offer(receive);
    }
    this.#offering = false;
    this.#watch();
    if (this.#receive && this.#ended && this.#waiting.length === 0 && !this.#isTaken) {
      this.#isTaken = true;
      this.#options.onTaken?.();
    }
  }

  #offer(receive: (bytes: Uint8Array) => number): void {
    while (this.#waiting.length > 0 && !this.#guestIsFull) {
      const offered = this.#waiting.peek();
      const count = receive(offered);
      // Whoever receives may have ended us.
      this.#waiting.drop(Math.min(count, this.#waiting.length));
      if (count < offered.length) this.#guestIsFull = true;
    }
  }

  #read(): void {
    const count = this.#readOnce();
    if (count === undefined) return;
    if (count === 0) {
      this.#ended = true;
      this.#options.onEnd?.();
      return;
    }
    const read = this.#buffer.subarray(0, count);
    const bytes = this.#options.filter?.(read) ?? read;
    if (this.#waiting.push(bytes) < bytes.length) this.#options.onDropped?.();
  }

  /** Undefined when there is nothing yet; 0 at the end, or when the terminal or client is gone. */
  #readOnce(): number | undefined {
    try {
      return readSync(this.#fd, this.#buffer);
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'EAGAIN' ? undefined : 0;
    }
  }

  /** Has the event loop tell us of input exactly while we want it. */
  #watch(): void {
    const hasRoom = this.#options.filter !== undefined || this.#waiting.length < READ_AHEAD_BYTES;
    if (this.#isPollable && !this.#ended && hasRoom) {
      const { loop = mainLoop } = this.#options;
      this.#watching ??= loop.watch(this.#fd, { readable: true }, () => {
        this.#read();
        this.#pump();
      });
    } else {
      this.#watching?.[Symbol.dispose]();
      this.#watching = undefined;
    }
  }
}
