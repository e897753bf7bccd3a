/** Timers that work while the main thread is inside KVM_RUN, where libuv's own do not: they kick it. */
import { CLOCK_MONOTONIC, itimerspec, SIGEV_THREAD_ID, sigevent, TFD_CLOEXEC, TFD_NONBLOCK } from '../abi/libc.ts';
import { pack } from '../base/layout.ts';
import { check } from './errno.ts';
import { Fd } from './fd.ts';
import type { HostPointer } from './libc.ts';
import * as libc from './libc.ts';
import { KICK_SIGNAL, type Signals } from './signals.ts';

function interval(firstMs: number, everyMs: number): Uint8Array {
  return pack(itimerspec, {
    'it_value.tv_sec': BigInt(Math.floor(firstMs / 1000)),
    'it_value.tv_nsec': BigInt(Math.floor((firstMs % 1000) * 1_000_000)),
    'it_interval.tv_sec': BigInt(Math.floor(everyMs / 1000)),
    'it_interval.tv_nsec': BigInt(Math.floor((everyMs % 1000) * 1_000_000)),
  });
}

/** Kicks the thread that owns `signals` every `everyMs` while it ticks. Cheap: no event loop turn. */
export class KickTimer implements Disposable {
  readonly #timer: HostPointer;

  constructor(signals: Signals) {
    const timer = new BigUint64Array(1);
    const event = pack(sigevent, {
      sigev_notify: SIGEV_THREAD_ID,
      sigev_signo: KICK_SIGNAL,
      '_sigev_un._tid': signals.thread,
    });
    check(libc.timer_create(CLOCK_MONOTONIC, event, new Uint8Array(timer.buffer)), 'create a timer');
    this.#timer = timer[0]!;
  }

  start(everyMs: number): void {
    check(libc.timer_settime(this.#timer, 0, interval(everyMs, everyMs), null), 'start a timer');
  }

  stop(): void {
    check(libc.timer_settime(this.#timer, 0, interval(0, 0), null), 'stop a timer');
  }

  [Symbol.dispose](): void {
    libc.timer_delete(this.#timer);
  }
}

/** Calls `fire` from the event loop once `delayMs` have passed, unless the returned function is called before. */
export function after(delayMs: number, fire: () => void): () => void {
  const fd = new Fd(check(libc.timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC), 'create a timer'));
  check(libc.timerfd_settime(fd.number, 0, interval(Math.max(delayMs, 0.001), 0), null), 'start a timer');
  let pending = true;
  const cancel = () => {
    if (!pending) return;
    pending = false;
    stopPolling();
    fd[Symbol.dispose]();
  };
  const stopPolling = libc.pollReadable(fd.number, () => {
    cancel();
    fire();
  });
  return cancel;
}
