/**
 * The eventfds between driver and back-end. A lost back-end may have kept what it was given, so there are new ones for the next;
 * the old ones are closed once KVM knows of them no more.
 */
import { EventFd } from '../host/eventfd.ts';
import type { EpollLoop } from './io-loop.ts';
import type { Wires } from './protocol.ts';

interface Options {
  readonly loop: EpollLoop;
  /** Called for each signal of `call`, where that is not KVM's business. */
  readonly watchCalls: (() => void) | undefined;
  /** Asked for each kick whether it may pass. Absent, kicks go past us. */
  readonly passesKick?: ((queue: number) => boolean) | undefined;
}

export class ServedWires implements Disposable {
  readonly #queueCount: number;
  readonly #options: Options;
  #kicks: readonly EventFd[] = [];
  /** What KVM signals: the same, unless kicks pass through here. */
  #driverKicks: readonly EventFd[] = [];
  #call: EventFd | undefined;
  #current = new DisposableStack();
  #old = new DisposableStack();

  constructor(queueCount: number, options: Options) {
    this.#queueCount = queueCount;
    this.#options = options;
    this.renew();
  }

  /** One for each queue, for the back-end: signalled by the driver. */
  get kicks(): readonly EventFd[] {
    return this.#kicks;
  }

  /** One for all: signalled by the back-end. */
  get call(): EventFd {
    return this.#call!;
  }

  /** One for each queue: signalled by KVM for the driver. */
  get driverKicks(): readonly EventFd[] {
    return this.#driverKicks;
  }

  /** For the main thread, which ties them to KVM. */
  get numbers(): Wires {
    return {
      kicks: this.#driverKicks.map(({ number }) => number),
      call: this.#options.watchCalls ? undefined : this.#call!.number,
    };
  }

  /** From here on there are others; those of before stay open until `closeOld`. */
  renew(): void {
    const { loop, watchCalls } = this.#options;
    this.#old.use(this.#current);
    using next = new DisposableStack();
    this.#kicks = Array.from({ length: this.#queueCount }, () => next.use(EventFd.create()));
    this.#driverKicks = this.#relayed(next);
    this.#call = next.use(EventFd.create());
    if (watchCalls) next.use(loop.watchSignals(this.#call.number, watchCalls));
    this.#current = next.move();
  }

  #relayed(resources: DisposableStack): readonly EventFd[] {
    const { loop, passesKick } = this.#options;
    if (passesKick === undefined) return this.#kicks;
    return this.#kicks.map((kick, queue) => {
      const driverKick = resources.use(EventFd.create());
      const pass = () => passesKick(queue) && kick.signalShared();
      resources.use(loop.watchSignals(driverKick.number, pass));
      return driverKick;
    });
  }

  closeOld(): void {
    this.#old.dispose();
    this.#old = new DisposableStack();
  }

  [Symbol.dispose](): void {
    this.#old.dispose();
    this.#current.dispose();
  }
}
