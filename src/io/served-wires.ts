/**
 * The eventfds between driver and back-end. A lost back-end may have kept what it was given, so there are new ones for the next;
 * the old ones are closed once KVM knows of them no more.
 */
import { EventFd } from '../host/eventfd.ts';
import { DriverInterrupts } from './interrupt.ts';
import type { EpollLoop } from './io-loop.ts';
import type { InterruptWires, Wires } from './protocol.ts';

interface Options {
  readonly loop: EpollLoop;
  readonly interrupts: InterruptWires;
  /** Interrupts pass through here where the device has one for all queues. */
  readonly isStrict: boolean;
  /** Asked for each kick whether it may pass. Absent, kicks go past us. */
  readonly passesKick?: ((queue: number) => boolean) | undefined;
}

export class ServedWires implements Disposable {
  readonly #queueCount: number;
  readonly #options: Options;
  readonly #interrupts: DriverInterrupts;
  #kicks: readonly EventFd[] = [];
  /** What KVM signals: the same, unless kicks pass through here. */
  #driverKicks: readonly EventFd[] = [];
  #calls: readonly EventFd[] = [];
  #current = new DisposableStack();
  #old = new DisposableStack();

  constructor(queueCount: number, options: Options) {
    this.#queueCount = queueCount;
    this.#options = options;
    this.#interrupts = new DriverInterrupts(options.interrupts, options.loop);
    this.renew();
  }

  /** One for each queue, for the back-end: signalled by the driver. */
  get kicks(): readonly EventFd[] {
    return this.#kicks;
  }

  /** One for each queue, perhaps the same: signalled by the back-end. */
  get calls(): readonly EventFd[] {
    return this.#calls;
  }

  /** One for each queue: signalled by KVM for the driver. */
  get driverKicks(): readonly EventFd[] {
    return this.#driverKicks;
  }

  /** For the main thread, which ties them to KVM. */
  get numbers(): Wires {
    return {
      kicks: this.#driverKicks.map(({ number }) => number),
      calls: this.#tiedCalls.map(({ number }) => number),
    };
  }

  /** What KVM listens to. */
  get #tiedCalls(): readonly EventFd[] {
    if (this.#interrupts.isEach) return this.#calls;
    return this.#options.isStrict ? [] : this.#calls.slice(0, 1);
  }

  /** Interrupts the driver for what the back-end does not know of. */
  interrupt(queue: number): void {
    if (this.#interrupts.isEach) this.#calls[queue]!.signalShared();
    else this.#interrupts.signal(queue);
  }

  /** What was used last may not have been said. */
  interruptAll(): void {
    for (const queue of this.#interrupts.isEach ? this.#calls.keys() : [0]) this.interrupt(queue);
  }

  setLine(isOn: boolean): void {
    this.#interrupts.setLine(isOn);
  }

  /** From here on there are others; those of before stay open until `closeOld`. */
  renew(): void {
    const { loop, isStrict } = this.#options;
    this.#old.use(this.#current);
    using next = new DisposableStack();
    this.#kicks = Array.from({ length: this.#queueCount }, () => next.use(EventFd.create()));
    this.#driverKicks = this.#relayed(next);
    if (this.#interrupts.isEach) this.#calls = this.#kicks.map(() => next.use(EventFd.create()));
    else {
      const call = next.use(EventFd.create());
      this.#calls = this.#kicks.map(() => call);
      if (isStrict) next.use(loop.watchSignals(call.number, () => this.#interrupts.signal(0)));
    }
    this.#interrupts.setCalls(this.#calls);
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
    this.#interrupts[Symbol.dispose]();
    this.#old.dispose();
    this.#current.dispose();
  }
}
