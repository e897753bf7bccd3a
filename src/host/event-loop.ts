/**
 * libuv's event loop beside a main thread that sleeps elsewhere (in KVM_RUN). A native thread waits on the epoll fd that
 * libuv itself would sleep on; when something is ready it kicks the main thread, which then gives the loop its turns.
 * So sockets, child processes, signals and `after()` timers work as in any Node program. setTimeout alone does not:
 * libuv keeps its own timers outside epoll.
 */
import { EPOLL_CLOEXEC, EPOLL_CTL_ADD, EPOLLIN, epoll_event } from '../abi/libc.ts';
import { pack } from '../base/layout.ts';
import { check } from './errno.ts';
import { EventFd } from './eventfd.ts';
import { Fd } from './fd.ts';
import * as libc from './libc.ts';
import { Mapping } from './mapping.ts';
import { NativeThread } from './native-thread.ts';
import type { Signals } from './signals.ts';

/** What a turn leaves behind (a fd to watch, say) reaches epoll in the next one. */
const TURNS = 2;
/** The thread kicks us when it is there; asking again now and then costs nothing. */
const WAIT_MS = 100;
const WITHOUT_TIMEOUT = 0xffff_ffff_ffff_ffffn;

/** Readable when libuv has something to do. */
export function eventLoopFd(): number {
  return libc.uv_backend_fd(libc.uv_default_loop());
}

/** Lets libuv do what is due. */
export async function turnEventLoop(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) await new Promise(setImmediate);
}

export class EventLoopWatch implements Disposable {
  readonly #signals: Signals;
  readonly #epoll = new Fd(check(libc.epoll_create1(EPOLL_CLOEXEC), 'create an epoll set'));
  readonly #event = Mapping.create(4096, { what: 'the event loop watch' });
  #thread: NativeThread | undefined;
  /** Something new is to be watched (a timer that the guest has just set, say), and epoll does not know it yet. */
  #hasNews = false;

  constructor(signals: Signals) {
    this.#signals = signals;
    const event = pack(epoll_event, { events: EPOLLIN });
    check(libc.epoll_ctl(this.#epoll.number, EPOLL_CTL_ADD, eventLoopFd(), event), 'watch the event loop');
    libc.setNewWatcherListener(() => {
      this.#hasNews = true;
      signals.kick();
    });
  }

  /** Whether the event loop has something to do. */
  get isDue(): boolean {
    return this.#hasNews || (this.#thread?.waits ?? true);
  }

  /** Runs what is due in the event loop, then watches it again. */
  async turn(): Promise<void> {
    this.#hasNews = false;
    await turnEventLoop();
    this.#thread ??= new NativeThread(
      [{ name: 'epoll_wait', words: [BigInt(this.#epoll.number), this.#event.pointer, 1n, WITHOUT_TIMEOUT] }],
      this.#signals,
      { waiting: true },
    );
    if (this.#thread.waits) this.#thread.proceed();
  }

  /** Ends the watching thread: one more fd makes its epoll set ready, so it comes back by itself. */
  [Symbol.dispose](): void {
    libc.setNewWatcherListener(() => {});
    if (this.#thread) {
      using wake = EventFd.create();
      wake.signal();
      const event = pack(epoll_event, { events: EPOLLIN });
      check(libc.epoll_ctl(this.#epoll.number, EPOLL_CTL_ADD, wake.number, event), 'end the watch of the event loop');
      while (!this.#thread.waits) this.#signals.wait(WAIT_MS);
      this.#thread[Symbol.dispose]();
    }
    this.#event[Symbol.dispose]();
    this.#epoll[Symbol.dispose]();
  }
}
