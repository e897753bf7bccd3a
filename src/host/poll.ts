/** Waiting for one file descriptor without the event loop: with a timeout, or only looking (timeout 0). */
import { EINTR, EPERM } from '../abi/errno.ts';
import { EPOLL_CLOEXEC, EPOLL_CTL_ADD, EPOLLIN, EPOLLOUT, epoll_event, F_DUPFD_CLOEXEC } from '../abi/libc.ts';
import { pack } from '../base/layout.ts';
import { check, hostError } from './errno.ts';
import { Fd } from './fd.ts';
import * as libc from './libc.ts';

export type Direction = 'readable' | 'writable';

const EVENTS: Record<Direction, number> = { readable: EPOLLIN, writable: EPOLLOUT };

/** Whether one file descriptor is readable or writable. An error or a hang-up counts as ready: the next call tells. */
export class Readiness implements Disposable {
  readonly #epoll = new Fd(check(libc.epoll_create1(EPOLL_CLOEXEC), 'create an epoll set'));
  readonly #event: Uint8Array;
  /** Regular files and /dev/null cannot be waited for (EPERM): they always have something, or the end. */
  readonly isPollable: boolean;

  constructor(fd: number, direction: Direction) {
    // Only `events` is used: where `data` lies differs between architectures, and there is one file to tell apart.
    this.#event = pack(epoll_event, { events: EVENTS[direction] });
    const added = libc.epoll_ctl(this.#epoll.number, EPOLL_CTL_ADD, fd, this.#event) === 0;
    const errno = added ? 0 : libc.errno();
    this.isPollable = added;
    if (added || errno === EPERM) return;
    this[Symbol.dispose]();
    throw hostError(`wait for file descriptor ${fd}`, errno);
  }

  /** True as soon as it is ready, false after `timeoutMs`. */
  wait(timeoutMs: number): boolean {
    if (!this.isPollable) return true;
    const deadline = performance.now() + timeoutMs;
    for (let leftMs = timeoutMs; ; leftMs = Math.max(0, deadline - performance.now())) {
      const count = libc.epoll_wait(this.#epoll.number, this.#event.slice(), 1, Math.ceil(leftMs));
      if (count >= 0) return count > 0;
      if (libc.errno() !== EINTR) throw hostError('wait for a file descriptor', libc.errno());
    }
  }

  [Symbol.dispose](): void {
    this.#epoll[Symbol.dispose]();
  }
}

/** Sleeps until `fd` is ready or `timeoutMs` have passed; false for the latter. */
export function waitFor(fd: number, direction: Direction, timeoutMs: number): boolean {
  using readiness = new Readiness(fd, direction);
  return readiness.wait(timeoutMs);
}

/** For threads that have nothing else to do meanwhile. */
export function sleep(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)), 0, 0, ms);
}

/** Whether the event loop can watch `fd`. */
export function isPollable(fd: number): boolean {
  using readiness = new Readiness(fd, 'readable');
  return readiness.isPollable;
}

/** Another descriptor of the same open file. The event loop watches each descriptor for one purpose only. */
export function duplicate(fd: number): Fd {
  return new Fd(check(libc.fcntl(fd, F_DUPFD_CLOEXEC, 0), 'duplicate a file descriptor'));
}
