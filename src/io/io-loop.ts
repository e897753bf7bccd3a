/**
 * The loop of an I/O thread: file descriptors, timers and deferred work, in turns. In a turn everybody who is ready is
 * called once, then those that have more to do; so whoever bounds its work per call leaves room for the others.
 */
import { Poller } from '../host/poller.ts';
import type { FdEvents, FdWatch, IoLoop } from '../virtio/device.ts';
import { type IdleQueue, IdleQueues } from './idle-queues.ts';
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
  readonly #idle = new IdleQueues();
  /** Ready descriptors that a look at idle queues has found. */
  #found = 0;

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

  /** `queue` is empty: it is looked at for a while before the loop sleeps. */
  idle(queue: IdleQueue): void {
    this.#idle.add(queue);
  }

  /** One turn: sleeps until there is something to do, and does it. */
  turn(): void {
    const count = this.#wait();
    for (let index = 0; index < count; index++) {
      const watch = this.#watches[this.#poller.token(index)];
      // Whoever was called before may have changed what it waits for: what it no longer waits for is not told.
      if (watch && this.#poller.concerns(index, watch.wanted)) watch.ready();
    }
    if (!this.#idle.isEmpty) this.#idle.wake();
    if (!this.#timers.isEmpty) this.#timers.fire(this.nowMs);
    if (this.#deferred.length > 0) this.#runDeferred();
    if (this.#freedTokens.length > 0) this.#freeTokens.push(...this.#freedTokens.splice(0));
  }

  #wait(): number {
    if (this.#deferred.length > 0) return this.#poller.wait(0);
    if (!this.#idle.isEmpty) {
      this.#found = 0;
      const hasWork = this.#idle.look(this.#clock, this.#timers.dueMs ?? Number.POSITIVE_INFINITY, this.#lookAtFds);
      if (hasWork) return this.#found;
      this.#idle.sleep();
      // One of them may have found work after all, or something to defer.
      if (this.#deferred.length > 0 || !this.#idle.isEmpty) return this.#poller.wait(0);
    }
    const count = this.#poller.wait(this.#timeoutMs());
    this.#idle.learn(this.nowMs);
    return count;
  }

  readonly #clock = () => performance.now();
  readonly #lookAtFds = () => {
    this.#found = this.#poller.wait(0);
    return this.#found > 0;
  };

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
      wanted: events,
      set: (wanted) => {
        watch.wanted = wanted;
        this.#poller.change(fd, { ...wanted, edges }, token);
      },
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
  wanted: FdEvents;
  ready(): void;
}
