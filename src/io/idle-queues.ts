/**
 * Queues that were found empty. Before the loop sleeps it looks at them for a while: a driver that goes on at once then need
 * not notify, which costs it an exit, and nobody has to wake up. How long is learned from how long the loop slept: as long
 * as it takes to catch what comes soon, and not at all when what comes, comes late, or when others want the CPU.
 */

/** One of them. It is here until it is told one of the last two. */
export interface IdleQueue {
  /** One look at memory. */
  hasWork(): boolean;
  /** There is work: take a turn. */
  wake(): void;
  /** Ask the driver to notify from now on. */
  sleep(): void;
}

/** The longest look. What comes later is worth a notification. */
export const LOOK_MS_MAX = 0.3;
/** The shortest that is worth it. */
const LOOK_MS_MIN = 0.01;
/** When two looks lie further apart, somebody else had the CPU: it is not ours to burn. */
const GAP_MS = 0.1;
/** How long not to look after that. */
const MODESTY_MS = 10;
/** Looks between two of the clock, and how often to ask whether something else wants the loop. */
const LOOKS_PER_CLOCK = 16;
const ASK_MS = 0.05;

export class IdleQueues {
  readonly #queues: IdleQueue[] = [];
  #lookMs = 0;
  /** Since when there is nothing to do; undefined while there is. */
  #idleSinceMs: number | undefined;
  #modestUntilMs = 0;
  /** When it was last asked whether something else wants the loop. */
  #askedMs = 0;

  get isEmpty(): boolean {
    return this.#queues.length === 0;
  }

  add(queue: IdleQueue): void {
    this.#queues.push(queue);
  }

  /** Gives a turn to those that have work; whether there was one. */
  wake(): boolean {
    let woken = false;
    for (let index = this.#queues.length - 1; index >= 0; index--) {
      const queue = this.#queues[index]!;
      if (!queue.hasWork()) continue;
      this.#queues[index] = this.#queues.at(-1)!;
      this.#queues.pop();
      woken = true;
      queue.wake();
    }
    return woken;
  }

  /**
   * Looks at them, at most until `untilMs`, and returns whether one has work. `isWanted` is asked now and then: true ends
   * the look as well.
   */
  look(nowMs: () => number, untilMs: number, isWanted: () => boolean): boolean {
    const startMs = nowMs();
    this.#idleSinceMs = startMs;
    if (startMs < this.#modestUntilMs || this.#lookMs === 0) return false;
    const endMs = Math.min(untilMs, startMs + this.#lookMs);
    for (let lastMs = startMs; lastMs < endMs; ) {
      // First of all: a queue that has work at every look would keep everybody else out.
      if (lastMs - this.#askedMs > ASK_MS) {
        this.#askedMs = lastMs;
        if (isWanted()) return this.#found();
      }
      for (let looks = 0; looks < LOOKS_PER_CLOCK; looks++) {
        for (const queue of this.#queues) if (queue.hasWork()) return this.#found();
      }
      const now = nowMs();
      if (now - lastMs > GAP_MS) this.#modestUntilMs = now + MODESTY_MS;
      lastMs = now;
    }
    return false;
  }

  #found(): true {
    this.#idleSinceMs = undefined;
    return true;
  }

  /** The loop is about to sleep. */
  sleep(): void {
    for (const queue of this.#queues.splice(0)) queue.sleep();
  }

  /** The loop has slept and there is something to do: learns from how long that took. */
  learn(nowMs: number): void {
    if (this.#idleSinceMs === undefined) return;
    const idleMs = nowMs - this.#idleSinceMs;
    this.#idleSinceMs = undefined;
    if (idleMs <= LOOK_MS_MAX)
      this.#lookMs = Math.min(LOOK_MS_MAX, Math.max(LOOK_MS_MIN, 2 * this.#lookMs, 2 * idleMs));
    else this.#lookMs = this.#lookMs > 2 * LOOK_MS_MIN ? this.#lookMs / 2 : 0;
  }
}
