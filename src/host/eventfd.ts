/** eventfd(2): a counter that wakes whoever reads it. KVM's irqfds and ioeventfds are these. */
import { EAGAIN } from '../abi/errno.ts';
import { EFD_CLOEXEC, EFD_NONBLOCK } from '../abi/libc.ts';
import { check, hostError } from './errno.ts';
import { Fd } from './fd.ts';
import * as libc from './libc.ts';
import { waitFor } from './poll.ts';

const ONE = new Uint8Array(new BigUint64Array([1n]).buffer);

export class EventFd extends Fd {
  readonly #counter = new BigUint64Array(1);
  readonly #bytes = new Uint8Array(this.#counter.buffer);

  /** Reads of a blocking one sleep until it is signalled: only for threads that may. */
  static create(options: { blocking?: boolean } = {}): EventFd {
    const flags = EFD_CLOEXEC | (options.blocking ? 0 : EFD_NONBLOCK);
    return new EventFd(check(libc.eventfd(0, flags), 'create an eventfd'));
  }

  signal(): void {
    check(libc.write(this.number, ONE, 8), 'signal an eventfd');
  }

  /**
   * The same for one that an untrusted process has too. It may have filled the counter, which then is signalled already; and
   * made it one that waits for room, so we look first.
   */
  signalShared(): void {
    if (!waitFor(this.number, 'writable', 0) || libc.write(this.number, ONE, 8) !== -1) return;
    if (libc.errno() !== EAGAIN) throw hostError('signal an eventfd', libc.errno());
  }

  /** How often it was signalled since the last call; 0 if not at all. Not for blocking ones. */
  take(): bigint {
    this.#counter[0] = 0n;
    libc.read(this.number, this.#bytes, 8);
    return this.#counter[0];
  }
}
