/** Time that passes when the test says so: a wall clock with alarms, and a timer. */
import type { Clock } from '../../src/devices/pl031.ts';
import type { Timer } from '../../src/devices/power-key.ts';

export class FakeClock implements Clock, Timer {
  #nowMs: number;
  readonly #waiting = new Set<{ atMs: number; fire: () => void }>();

  constructor(nowSeconds = 0) {
    this.#nowMs = nowSeconds * 1000;
  }

  /** How many alarms and timers wait. */
  get pending(): number {
    return this.#waiting.size;
  }

  nowSeconds(): number {
    return Math.floor(this.#nowMs / 1000);
  }

  alarm(atSeconds: number, fire: () => void): () => void {
    return this.#wait(atSeconds * 1000, fire);
  }

  after(delayMs: number, fire: () => void): () => void {
    return this.#wait(this.#nowMs + delayMs, fire);
  }

  advanceMs(ms: number): void {
    this.#nowMs += ms;
    this.#fireDue(this.#nowMs);
  }

  /** The wall clock is set back, and what was about to wait only until `ms` from now fires too early by it. */
  setBackBeforeAlarm(seconds: number, ms: number): void {
    const dueMs = this.#nowMs + ms;
    this.#nowMs = dueMs - seconds * 1000;
    this.#fireDue(dueMs);
  }

  #wait(atMs: number, fire: () => void): () => void {
    const entry = { atMs, fire };
    this.#waiting.add(entry);
    return () => this.#waiting.delete(entry);
  }

  #fireDue(untilMs: number): void {
    for (const entry of [...this.#waiting].sort((a, b) => a.atMs - b.atMs)) {
      if (entry.atMs > untilMs || !this.#waiting.delete(entry)) continue;
      entry.fire();
    }
  }
}
