/**
 * How much a device may do in a second: two token buckets, bytes and requests. A request may take more than there is (its
 * size is known only when it is there); the next one then waits until the debt is paid.
 */
import type { IoLoop } from './device.ts';

export interface RateLimitOptions {
  /** 0: no limit. */
  readonly bytesPerSecond: number;
  readonly requestsPerSecond: number;
  /** How much at once after a rest. 0: what a tenth of a second allows. */
  readonly burstBytes: number;
  readonly burstRequests: number;
}

const BURST_SECONDS = 0.1;
/** Waits end when so much is there: with 0, rounding could end one a moment too early, and the next, and the next. */
const LEVEL_AFTER_WAIT = 0.001;

class Bucket {
  readonly #perMs: number;
  readonly #capacity: number;
  #level: number;
  #filledAtMs = 0;

  constructor(perSecond: number, burst: number) {
    this.#perMs = perSecond / 1000;
    this.#capacity = Math.max(1, burst || perSecond * BURST_SECONDS);
    this.#level = this.#capacity;
  }

  /** Milliseconds until something may be taken again; 0 when it may be now. */
  waitMs(nowMs: number): number {
    this.#level = Math.min(this.#capacity, this.#level + (nowMs - this.#filledAtMs) * this.#perMs);
    this.#filledAtMs = nowMs;
    return this.#level > 0 ? 0 : (LEVEL_AFTER_WAIT - this.#level) / this.#perMs;
  }

  take(amount: number): void {
    this.#level -= amount;
  }
}

export class RateLimit {
  readonly #loop: IoLoop;
  readonly #bytes: Bucket | undefined;
  readonly #requests: Bucket | undefined;
  #cancelRetry: (() => void) | undefined;

  constructor(loop: IoLoop, options: RateLimitOptions) {
    this.#loop = loop;
    const { bytesPerSecond, requestsPerSecond } = options;
    if (bytesPerSecond > 0) this.#bytes = new Bucket(bytesPerSecond, options.burstBytes);
    if (requestsPerSecond > 0) this.#requests = new Bucket(requestsPerSecond, options.burstRequests);
  }

  /** Whether another request may begin. When not, `retry` is called once it may. */
  admits(retry: () => void): boolean {
    if (this.#bytes === undefined && this.#requests === undefined) return true;
    const { nowMs } = this.#loop;
    const waitMs = Math.max(this.#bytes?.waitMs(nowMs) ?? 0, this.#requests?.waitMs(nowMs) ?? 0);
    if (waitMs === 0) return true;
    this.#cancelRetry ??= this.#loop.after(waitMs, () => {
      this.#cancelRetry = undefined;
      retry();
    });
    return false;
  }

  /** One request of `bytes` was begun. */
  spend(bytes: number): void {
    this.#bytes?.take(bytes);
    this.#requests?.take(1);
  }

  /** Forgets who waits: the device was reset. */
  reset(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
  }
}
