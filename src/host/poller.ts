/** epoll(7) for a thread that does nothing else between its turns: many file descriptors, one preallocated table of events. */
import { EINTR } from '../abi/errno.ts';
import {
  EPOLL_CLOEXEC,
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLL_CTL_MOD,
  EPOLLERR,
  EPOLLET,
  EPOLLHUP,
  EPOLLIN,
  EPOLLOUT,
  epoll_event,
} from '../abi/libc.ts';
import { check, hostError } from './errno.ts';
import { Fd } from './fd.ts';
import * as libc from './libc.ts';

/** Events taken at once; what is ready beyond that comes with the next call. */
const EVENTS_MAX = 64;
/** The ABI of x86-64 packs the struct; that of every other architecture does not. Backends and tests run there too. */
const EVENT = process.arch === 'x64' ? { size: 12, data: 4 } : { size: epoll_event.size, data: 8 };

export interface Interest {
  readonly readable?: boolean;
  readonly writable?: boolean;
  /** One report for each time that it becomes ready, not one for as long as it is. */
  readonly edges?: boolean;
}

export class Poller implements Disposable {
  readonly #epoll = new Fd(check(libc.epoll_create1(EPOLL_CLOEXEC), 'create an epoll set'));
  readonly #event = new Uint8Array(EVENT.size);
  readonly #eventView = new DataView(this.#event.buffer);
  readonly #ready = new Uint8Array(EVENTS_MAX * EVENT.size);
  readonly #readyView = new DataView(this.#ready.buffer);

  /** From now on `wait` reports `token` (32 bits) when `fd` is ready. */
  add(fd: number, interest: Interest, token: number): void {
    this.#control(EPOLL_CTL_ADD, fd, interest, token);
  }

  change(fd: number, interest: Interest, token: number): void {
    this.#control(EPOLL_CTL_MOD, fd, interest, token);
  }

  remove(fd: number): void {
    this.#control(EPOLL_CTL_DEL, fd, {}, 0);
  }

  /** Sleeps until something is ready, at most `timeoutMs` (-1: for ever); returns how many there are. */
  wait(timeoutMs: number): number {
    const count = libc.epoll_wait(this.#epoll.number, this.#ready, EVENTS_MAX, timeoutMs);
    if (count >= 0) return count;
    if (libc.errno() !== EINTR) throw hostError('wait for file descriptors', libc.errno());
    return 0;
  }

  /** The token of ready descriptor number `index` of the last `wait`. */
  token(index: number): number {
    return this.#readyView.getUint32(index * EVENT.size + EVENT.data, true);
  }

  /** Whether it is ready for one of `events`; or has an error or a hang-up, which concern everybody. */
  concerns(index: number, { readable, writable }: Interest): boolean {
    const ready = this.#readyView.getUint32(index * EVENT.size, true);
    const wanted = (readable ? EPOLLIN : 0) | (writable ? EPOLLOUT : 0);
    return (ready & (wanted | EPOLLERR | EPOLLHUP)) !== 0;
  }

  #control(operation: number, fd: number, { readable, writable, edges }: Interest, token: number): void {
    const events = (readable ? EPOLLIN : 0) | (writable ? EPOLLOUT : 0) | (edges ? EPOLLET : 0);
    this.#eventView.setUint32(0, events >>> 0, true);
    this.#eventView.setUint32(EVENT.data, token, true);
    check(libc.epoll_ctl(this.#epoll.number, operation, fd, this.#event), `watch file descriptor ${fd}`);
  }

  [Symbol.dispose](): void {
    this.#epoll[Symbol.dispose]();
  }
}
