/**
 * The guest's output on its way into a file descriptor. What the reader does not take at once waits here, up to a bound;
 * then the guest has to wait, as for a serial line: nothing is lost and memory stays bounded. Preferably the machine
 * holds the guest (`hold`) and goes on with its event loop; without that, `write` blocks.
 */
import { fstatSync, writeSync } from 'node:fs';
import { EAGAIN, ECONNRESET, EIO, EPIPE } from '../abi/errno.ts';
import { ByteQueue } from '../base/byte-queue.ts';
import { KiB, MiB } from '../base/units.ts';
import { describeErrno } from '../host/errno.ts';
import { mainLoop } from '../host/main-loop.ts';
import { Readiness, waitFor } from '../host/poll.ts';
import type { ConsoleLoop } from './console.ts';

/** From here on the guest is held, until half of it has left. */
export const OUTPUT_BYTES_HIGH = 1 * MiB;
const OUTPUT_BYTES_LOW = OUTPUT_BYTES_HIGH / 2;
/** What may come after `hold` was called, until the guest stands still; beyond it, `write` blocks. */
const HELD_BYTES_MAX = 256 * KiB;
/** As much as a pipe or socket that says it is writable takes without blocking (PIPE_BUF, pipe(7)). */
const UNBLOCKED_BYTES = 4 * KiB;
/** How long output may still leave while everything else ends: within the 2 s that an end may take. */
const LAST_OUTPUT_MS = 1_000;
const LOOK_AGAIN_MS = 60_000;
/** What writing to a reader that went away answers. EIO: its terminal was hung up. */
const GONE: readonly number[] = [EPIPE, ECONNRESET, EIO];

export interface OutputOptions {
  /** Whether `fd` answers EAGAIN. Others, which we share with the user's shell, are asked before each write. */
  readonly nonBlocking: boolean;
  /** Whose loop watches the descriptor. Default: the main thread's. */
  readonly loop?: ConsoleLoop | undefined;
  /** Called when the guest shall be held: until `room()` resolves, or `release` is called. */
  readonly hold?: (() => void) | undefined;
  readonly release?: (() => void) | undefined;
  /** A reader that takes nothing for so long while it is waited for is given up. Default: never. */
  readonly patienceMs?: number;
  /** Nobody reads any more, or patience has ended. What waited is dropped, as is what comes. */
  onLost(why: 'gone' | 'stalled'): void;
  /** Where the output goes, in messages: "standard output". */
  readonly what: string;
  /** Tells the user a line: a full disk, say. Once until a write succeeds again. */
  say(line: string): void;
}

export class OutputQueue implements Disposable {
  readonly #fd: number;
  readonly #options: OutputOptions;
  readonly #waiting = new ByteQueue(OUTPUT_BYTES_HIGH + HELD_BYTES_MAX);
  readonly #readiness: Readiness | undefined;
  #state: 'open' | 'lost' = 'open';
  #holds = false;
  #failing = false;
  readonly #loop: ConsoleLoop;
  #watching: Disposable | undefined;
  #cancelPatience: (() => void) | undefined;
  readonly #onRoom: (() => void)[] = [];
  readonly #onEmpty: (() => void)[] = [];

  /** `fd` stays the caller's; nobody else may have the event loop watch it. */
  constructor(fd: number, options: OutputOptions) {
    this.#fd = fd;
    this.#options = options;
    this.#loop = options.loop ?? mainLoop;
    if (!options.nonBlocking && !fstatSync(fd).isFile()) this.#readiness = new Readiness(fd, 'writable');
  }

  /** Whether the guest shall be held. */
  get isFull(): boolean {
    return this.#holds;
  }

  write(bytes: Uint8Array): void {
    if (this.#state === 'lost') return;
    let done = this.#waiting.length === 0 ? this.#attempt(bytes) : 0;
    if (done === bytes.length) return;
    while (this.#state === 'open' && done < bytes.length) {
      done += this.#waiting.push(bytes.subarray(done));
      if (this.#waiting.length >= OUTPUT_BYTES_HIGH) this.#hold();
      while (this.#mustBlock) this.#block();
    }
    this.#settle();
  }

  /** Resolves once the guest may print again. */
  room(): Promise<void> {
    return this.#holds ? new Promise((resolve) => this.#onRoom.push(resolve)) : Promise.resolve();
  }

  /** Resolves once everything has left, or nobody is there to read it. */
  drain(): Promise<void> {
    if (this.#waiting.length === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onEmpty.push(resolve);
      this.#settle();
    });
  }

  /** Forgets what waits, and takes nothing more. */
  discard(): void {
    this.#end();
  }

  /** Gives what waits a last chance to leave, for a bounded time. */
  [Symbol.dispose](): void {
    const deadline = performance.now() + (this.#options.patienceMs === undefined ? LAST_OUTPUT_MS : 0);
    while (this.#waiting.length > 0 && waitFor(this.#fd, 'writable', Math.max(0, deadline - performance.now()))) {
      this.#writeWaiting();
    }
    this.#end();
    this.#readiness?.[Symbol.dispose]();
  }

  /** Writes until the reader takes no more; returns how much is settled (taken, or lost to an error). */
  #attempt(bytes: Uint8Array): number {
    let done = 0;
    while (done < bytes.length) {
      if (this.#readiness && !this.#readiness.wait(0)) break;
      const end = this.#readiness ? done + UNBLOCKED_BYTES : bytes.length;
      const count = this.#writeOnce(bytes.subarray(done, end));
      if (count === 0) break;
      done += count;
    }
    return done;
  }

  #writeOnce(bytes: Uint8Array): number {
    try {
      const count = writeSync(this.#fd, bytes);
      this.#failing = false;
      return count;
    } catch (error) {
      const errno = -((error as NodeJS.ErrnoException).errno ?? 0);
      if (errno === EAGAIN) return 0;
      if (GONE.includes(errno)) this.#lose('gone');
      else this.#complain(errno);
      return bytes.length;
    }
  }

  #complain(errno: number): void {
    if (this.#failing) return;
    this.#failing = true;
    const { say, what } = this.#options;
    say(`Cannot write the console to ${what}: ${describeErrno(errno)}: what the guest prints is dropped meanwhile`);
  }

  #writeWaiting(): void {
    while (this.#waiting.length > 0) {
      const bytes = this.#waiting.peek();
      const count = this.#attempt(bytes);
      if (this.#state === 'lost') return;
      this.#waiting.drop(count);
      if (count > 0) this.#stopPatience();
      if (count < bytes.length) break;
    }
    this.#settle();
  }

  #hold(): void {
    if (this.#holds) return;
    this.#holds = true;
    this.#options.hold?.();
  }

  get #mustBlock(): boolean {
    return this.#options.hold ? this.#waiting.length === this.#waiting.lengthMax : this.#holds;
  }

  #block(): void {
    const { patienceMs } = this.#options;
    if (waitFor(this.#fd, 'writable', patienceMs ?? LOOK_AGAIN_MS)) this.#writeWaiting();
    else if (patienceMs !== undefined) this.#lose('stalled');
  }

  #lose(why: 'gone' | 'stalled'): void {
    if (this.#state === 'lost') return;
    this.#end();
    this.#options.onLost(why);
  }

  #end(): void {
    this.#state = 'lost';
    this.#waiting.clear();
    this.#settle();
  }

  /** Brings what follows from the fill up to date: the watch on the reader, the hold, and whoever waits for room. */
  #settle(): void {
    const { length } = this.#waiting;
    if (length > 0) this.#watching ??= this.#loop.watch(this.#fd, { writable: true }, () => this.#writeWaiting());
    else {
      this.#watching?.[Symbol.dispose]();
      this.#watching = undefined;
      for (const resolve of this.#onEmpty.splice(0)) resolve();
    }
    const releases = this.#holds && length <= OUTPUT_BYTES_LOW;
    if (releases) {
      this.#holds = false;
      for (const resolve of this.#onRoom.splice(0)) resolve();
    }
    const { patienceMs } = this.#options;
    if (!this.#holds && this.#onEmpty.length === 0) this.#stopPatience();
    else if (patienceMs !== undefined) {
      this.#cancelPatience ??= this.#loop.after(patienceMs, () => this.#lose('stalled'));
    }
    if (releases) this.#options.release?.();
  }

  #stopPatience(): void {
    this.#cancelPatience?.();
    this.#cancelPatience = undefined;
  }
}
