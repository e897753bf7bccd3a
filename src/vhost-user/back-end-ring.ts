/** A ring as its back-end knows it ("Ring states"): what the front-end has said of it, and its eventfds. */
import { EventFd } from '../host/eventfd.ts';
import type { Fd } from '../host/fd.ts';
import type { VringAddress } from './payload.ts';
import { blamePeer } from './peer-fault.ts';

/** A loop that says when an eventfd was signalled, which nobody has to read. */
export interface SignalLoop {
  watchSignals(fd: number, ready: () => void): Disposable;
}

export class BackEndRing implements Disposable {
  readonly index: number;
  size = 0;
  /** "SET_VRING_BASE", as it comes and goes on the wire. */
  base = 0;
  addresses: VringAddress | undefined;
  isEnabled = false;
  /** A device has it. */
  isRunning = false;
  #kick: DisposableStack | undefined;
  #call: EventFd | undefined;
  #error: EventFd | undefined;
  /** There was an interrupt while there was no `call`. */
  #owesCall = false;

  constructor(index: number) {
    this.index = index;
  }

  /** It is started, enabled, and known well enough to be run. */
  get isReady(): boolean {
    return this.#kick !== undefined && this.isEnabled && this.size > 0 && this.addresses !== undefined;
  }

  /** Whether it lies there. */
  isAt({ desc_user_addr, used_user_addr, avail_user_addr }: VringAddress): boolean {
    const { addresses } = this;
    return (
      addresses?.desc_user_addr === desc_user_addr &&
      addresses.used_user_addr === used_user_addr &&
      addresses.avail_user_addr === avail_user_addr
    );
  }

  /** Takes over `fd`. Calls `kicked` for each notification. */
  setKick(fd: Fd, loop: SignalLoop, kicked: () => void): void {
    this.#kick?.dispose();
    using stack = new DisposableStack();
    stack.use(fd);
    stack.use(blamePeer(() => loop.watchSignals(fd.number, kicked)));
    this.#kick = stack.move();
  }

  /** Takes over `fd`. Without one nobody is interrupted. */
  setCall(fd: Fd | undefined): void {
    this.#call?.[Symbol.dispose]();
    this.#call = fd && new EventFd(fd.number);
    if (this.#call && this.#owesCall) this.interrupt();
  }

  setError(fd: Fd | undefined): void {
    this.#error?.[Symbol.dispose]();
    this.#error = fd && new EventFd(fd.number);
  }

  interrupt(): void {
    this.#owesCall = this.#call === undefined;
    this.#call?.signalShared();
  }

  /** It is broken by what the driver has put into it. */
  reportError(): void {
    this.#error?.signalShared();
  }

  /** "GET_VRING_BASE": it is started again by a new kick. */
  stop(): void {
    this.#kick?.dispose();
    this.#kick = undefined;
    this.setCall(undefined);
    this.#owesCall = false;
  }

  [Symbol.dispose](): void {
    this.stop();
    this.setError(undefined);
  }
}
