/**
 * The loop of an I/O thread: file descriptors, timers and deferred work, in turns. In a turn everybody who is ready is
 * called once, then those that have more to do; so whoever bounds its work per call leaves room for the others.
 */
import { Poller } from '../host/poller.ts';
import type { FdEvents, FdWatch, IoLoop } from '../virtio/device.ts';
import { TimerQueue } from './timer-queue.ts';

export class EpollLoop implements IoLoop, Disposable {
  readonly #poller = new Poller();
  /** By token. A hole is a watch that was disposed. */
  readonly #watches: (Watch | undefined)[] = [];
  /** Tokens to use again: not within the turn in which they became free, since their events may still be waiting. */
  readonly #freeTokens: number[] = [];
  #freedTokens: number[] = [];
  readonly #timers = new TimerQueue();
  #deferred: (() => void)[] = [];

  get nowMs(): number {
    return performance.now();
  }

  watch(fd: number, events: FdEvents, ready: () => void): FdWatch {
    return this.#add(fd, events, false, ready);
  }

  /** Calls `ready` once for each write to the eventfd `fd`, which nobody has to read. */
  watchSignals(fd: number, ready: () => void): Disposable {
    return this.#add(fd, { readable: true }, true, ready);
  }

  after(delayMs: number, fire: () => void): () => void {
    return this.#timers.add(this.nowMs + delayMs, fire);
  }

  defer(work: () => void): void {
    this.#deferred.push(work);
  }

  /** One turn: sleeps until there is something to do, and does it. */
  turn(): void {
    const count = this.#poller.wait(this.#timeoutMs());
    for (let index = 0; index < count; index++) this.#watches[this.#poller.token(index)]?.ready();
    if (!this.#timers.isEmpty) this.#timers.fire(this.nowMs);
    if (this.#deferred.length > 0) this.#runDeferred();
    if (this.#freedTokens.length > 0) this.#freeTokens.push(...this.#freedTokens.splice(0));
  }

  #timeoutMs(): number {
    if (this.#deferred.length > 0) return 0;
    const dueMs = this.#timers.dueMs;
    return dueMs === undefined ? -1 : Math.max(0, Math.ceil(dueMs - this.nowMs));
  }

  /** What is deferred meanwhile belongs to the next turn. */
  #runDeferred(): void {
    const works = this.#deferred;
    this.#deferred = [];
    for (const work of works) work();
  }

  #add(fd: number, events: FdEvents, edges: boolean, ready: () => void): Watch {
    const token = this.#freeTokens.pop() ?? this.#watches.length;
    this.#poller.add(fd, { ...events, edges }, token);
    const watch: Watch = {
      ready,
      set: (wanted) => this.#poller.change(fd, { ...wanted, edges }, token),
      [Symbol.dispose]: () => {
        if (this.#watches[token] !== watch) return;
        this.#watches[token] = undefined;
        this.#poller.remove(fd);
        this.#freedTokens.push(token);
      },
    };
    this.#watches[token] = watch;
    return watch;
  }

  [Symbol.dispose](): void {
    this.#poller[Symbol.dispose]();
  }
}

interface Watch extends FdWatch {
  ready(): void;
}
