/** An I/O loop whose time passes and whose turns come when the test says so. */
import type { FdEvents, FdWatch, IoLoop } from '../../src/virtio/device.ts';

export class FakeLoop implements IoLoop {
  nowMs = 0;
  readonly #timers = new Set<{ readonly atMs: number; readonly fire: () => void }>();
  readonly #watches = new Map<number, { events: FdEvents; readonly ready: () => void }>();
  #deferred: (() => void)[] = [];

  /** Timers that wait. */
  get pending(): number {
    return this.#timers.size;
  }

  watch(fd: number, events: FdEvents, ready: () => void): FdWatch {
    const watch = { events, ready };
    this.#watches.set(fd, watch);
    return {
      set: (wanted) => {
        watch.events = wanted;
      },
      [Symbol.dispose]: () => void this.#watches.delete(fd),
    };
  }

  /** What `fd` is watched for; undefined when it is not. */
  wanted(fd: number): FdEvents | undefined {
    return this.#watches.get(fd)?.events;
  }

  after(delayMs: number, fire: () => void): () => void {
    const timer = { atMs: this.nowMs + delayMs, fire };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  defer(work: () => void): void {
    this.#deferred.push(work);
  }

  /** Does what was deferred until now; returns how much that was. */
  turn(): number {
    const works = this.#deferred;
    this.#deferred = [];
    for (const work of works) work();
    return works.length;
  }

  /** Turns until nothing is deferred any more; returns how many turns that took. */
  settle(): number {
    let turns = 0;
    while (this.turn() > 0) turns++;
    return turns;
  }

  advanceMs(ms: number): void {
    const untilMs = this.nowMs + ms;
    for (;;) {
      const [next] = [...this.#timers].filter(({ atMs }) => atMs <= untilMs).sort((a, b) => a.atMs - b.atMs);
      if (!next) break;
      this.#timers.delete(next);
      this.nowMs = Math.max(this.nowMs, next.atMs);
      next.fire();
    }
    this.nowMs = untilMs;
  }

  /** `fd` is ready. */
  ready(fd: number): void {
    this.#watches.get(fd)?.ready();
  }
}
