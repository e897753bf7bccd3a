/** Timers of one loop, by due time. There are few (a rate limit, a statistics poll), so they stand in a sorted array. */
interface Timer {
  readonly dueMs: number;
  readonly fire: () => void;
}

export class TimerQueue {
  /** The next one last, where it is cheap to take. */
  readonly #timers: Timer[] = [];

  get isEmpty(): boolean {
    return this.#timers.length === 0;
  }

  /** When the next one is due. */
  get dueMs(): number | undefined {
    return this.#timers.at(-1)?.dueMs;
  }

  /** Calls `fire` once `dueMs` has come; the returned function takes it out again. */
  add(dueMs: number, fire: () => void): () => void {
    const timer = { dueMs, fire };
    const later = this.#timers.findLastIndex((other) => other.dueMs > dueMs);
    this.#timers.splice(later + 1, 0, timer);
    return () => {
      const index = this.#timers.indexOf(timer);
      if (index !== -1) this.#timers.splice(index, 1);
    };
  }

  /** Fires what is due at `nowMs`; what that adds waits for the next call. */
  fire(nowMs: number): void {
    const due: Timer[] = [];
    while (this.#timers.length > 0 && this.#timers.at(-1)!.dueMs <= nowMs) due.push(this.#timers.pop()!);
    for (const { fire } of due) fire();
  }
}
