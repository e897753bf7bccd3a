/** A timer that rings at a time of the wall clock, whatever is done to the clock meanwhile (timerfd_create(2)). */
import { ECANCELED } from '../abi/errno.ts';
import { itimerspec, TFD_CLOEXEC, TFD_NONBLOCK, TFD_TIMER_ABSTIME, TFD_TIMER_CANCEL_ON_SET } from '../abi/libc.ts';
import { pack } from '../base/layout.ts';
import { check } from './errno.ts';
import { Fd } from './fd.ts';
import * as libc from './libc.ts';

const SECOND = 1_000_000_000n;

export class Alarm implements Disposable {
  /** Readable when it rings, and when the clock was set: in both cases the caller looks at the clock. */
  readonly fd: Fd;
  readonly #expirations = new Uint8Array(8);

  /** `clock`: CLOCK_REALTIME, CLOCK_MONOTONIC or CLOCK_BOOTTIME. */
  constructor(clock: number) {
    this.fd = new Fd(check(libc.timerfd_create(clock, TFD_NONBLOCK | TFD_CLOEXEC), 'create an alarm'));
  }

  /** Nanoseconds since the clock's epoch, > 0; one in the past rings at once. */
  set(at: bigint): void {
    const time = pack(itimerspec, { 'it_value.tv_sec': at / SECOND, 'it_value.tv_nsec': at % SECOND });
    const flags = TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET;
    check(libc.timerfd_settime(this.fd.number, flags, time, null), 'set an alarm');
  }

  /** It rings no more until it is set again. */
  acknowledge(): void {
    const result = libc.read(this.fd.number, this.#expirations, this.#expirations.length);
    if (result === -1 && libc.errno() !== ECANCELED) check(result, 'read an alarm');
  }

  [Symbol.dispose](): void {
    this.fd[Symbol.dispose]();
  }
}
