/** How soon a back-end is looked for again that was lost: at once when it had been there for a while, else less and less often. */

const AGAIN_MS_MIN = 100;
const AGAIN_MS_MAX = 5_000;
const SOON_MS = 10_000;

export class SearchPace {
  #foundMs = 0;
  #againMs = 0;

  /** Milliseconds to wait before the next search. */
  get againMs(): number {
    return this.#againMs;
  }

  found(nowMs: number): void {
    this.#foundMs = nowMs;
  }

  lost(nowMs: number): void {
    const livedLong = nowMs - this.#foundMs > SOON_MS;
    this.#againMs = livedLong ? 0 : Math.min(Math.max(2 * this.#againMs, AGAIN_MS_MIN), AGAIN_MS_MAX);
  }
}
