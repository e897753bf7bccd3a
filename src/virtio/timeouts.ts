/** Things that each wait for the same time: one timer for all of them, so thousands cost no more than one. */
import type { IoLoop } from './device.ts';

export class Timeouts<Item> {
  readonly #loop: IoLoop;
  readonly #delayMs: number;
  readonly #fire: (item: Item) => void;
  /** When each is due; in that order, for all wait equally long. */
  readonly #dueMs = new Map<Item, number>();
  #cancelTimer: (() => void) | undefined;

  /** `fire` is called for an item `delayMs` after it was added, unless it was deleted before. */
  constructor(loop: IoLoop, delayMs: number, fire: (item: Item) => void) {
    this.#loop = loop;
    this.#delayMs = delayMs;
    this.#fire = fire;
  }

  add(item: Item): void {
    this.#dueMs.delete(item);
    this.#dueMs.set(item, this.#loop.nowMs + this.#delayMs);
    this.#cancelTimer ??= this.#loop.after(this.#delayMs, () => this.#tick());
  }

  delete(item: Item): void {
    this.#dueMs.delete(item);
    if (this.#dueMs.size === 0) this.clear();
  }

  clear(): void {
    this.#dueMs.clear();
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #tick(): void {
    this.#cancelTimer = undefined;
    const { nowMs } = this.#loop;
    const due = [...this.#dueMs].filter(([, dueMs]) => dueMs <= nowMs);
    for (const [item] of due) {
      // Whoever was due before it may have deleted it.
      if (this.#dueMs.delete(item)) this.#fire(item);
    }
    const [next] = this.#dueMs.values();
    if (next !== undefined) this.#cancelTimer ??= this.#loop.after(Math.max(next - nowMs, 0), () => this.#tick());
  }
}
