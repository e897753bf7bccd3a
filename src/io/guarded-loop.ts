/**
 * The loop as one device sees it: what it throws at the guest's fault, in whatever callback, ends the device's work and
 * nobody else's. The only place that catches a GuestFault.
 */
import { GuestFault } from '../base/errors.ts';
import type { FdEvents, FdWatch, IoLoop } from '../virtio/device.ts';

export class GuardedLoop implements IoLoop {
  readonly #loop: IoLoop;
  /** What becomes of a fault. */
  onFault: (fault: GuestFault) => void = (fault) => {
    throw fault;
  };

  constructor(loop: IoLoop) {
    this.#loop = loop;
  }

  get nowMs(): number {
    return this.#loop.nowMs;
  }

  watch(fd: number, events: FdEvents, ready: () => void): FdWatch {
    return this.#loop.watch(fd, events, () => this.guard(ready));
  }

  after(delayMs: number, fire: () => void): () => void {
    return this.#loop.after(delayMs, () => this.guard(fire));
  }

  defer(work: () => void): void {
    this.#loop.defer(() => this.guard(work));
  }

  guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof GuestFault)) throw error;
      this.onFault(error);
    }
  }
}
