/**
 * The terminal for a console in an I/O thread. Raw mode, its end, and the keys that are ours belong to the main thread, so
 * the terminal stays here and a socket pair leads to the thread. Whoever is slow holds the other up; nothing is kept here.
 */
import { EAGAIN } from '../abi/errno.ts';
import { KiB } from '../base/units.ts';
import type { Fd } from '../host/fd.ts';
import { mainLoop } from '../host/main-loop.ts';
import { duplicate } from '../host/poll.ts';
import { receiveBytes, sendBytes } from '../host/socket-bytes.ts';
import { UnixSocket } from '../host/unix-socket.ts';
import type { ConsoleBackend } from './console.ts';

const PIECE_BYTES = 16 * KiB;

export class ConsoleRelay implements Disposable {
  /** For the other thread, which closes it. */
  readonly number: number;
  readonly #resources = new DisposableStack();
  readonly #console: ConsoleBackend;
  readonly #socket: UnixSocket;
  readonly #inputFd: Fd;
  readonly #piece = new Uint8Array(PIECE_BYTES);
  #outputWatch: Disposable | undefined;
  #inputWatch: Disposable | undefined;

  /** `open`: with `release` called whenever it is not full any more. */
  constructor(open: (release: () => void) => ConsoleBackend) {
    this.#console = this.#resources.use(open(() => this.#relayOutput()));
    const [ours, theirs] = UnixSocket.pair('a console relay');
    this.#socket = this.#resources.use(ours);
    this.#inputFd = this.#resources.use(duplicate(ours.number));
    this.number = theirs.number;
  }

  /** Until then nothing is typed. */
  start(): void {
    this.#relayOutput();
    this.#console.start((bytes) => this.#relayInput(bytes));
  }

  /** What the thread has sent before it closed its end still goes out. */
  [Symbol.dispose](): void {
    if (this.#resources.disposed) return;
    this.#inputWatch?.[Symbol.dispose]();
    this.#unwatchOutput();
    this.#forward();
    this.#resources[Symbol.dispose]();
  }

  #relayOutput(): void {
    const waits = this.#forward();
    if (this.#console.isFull || !waits) this.#unwatchOutput();
    else this.#outputWatch ??= mainLoop.watch(this.#socket.number, { readable: true }, () => this.#relayOutput());
  }

  /** Gives the terminal what it takes now. False when nothing will come any more. */
  #forward(): boolean {
    while (!this.#console.isFull) {
      const count = receiveBytes(this.#socket.number, this.#piece);
      if (count <= 0) return count === -EAGAIN;
      this.#console.write(this.#piece.subarray(0, count));
    }
    return true;
  }

  #unwatchOutput(): void {
    this.#outputWatch?.[Symbol.dispose]();
    this.#outputWatch = undefined;
  }

  /** How much the thread takes now; the rest is offered when it takes more. */
  #relayInput(bytes: Uint8Array): number {
    const count = Math.max(0, sendBytes(this.#socket.number, bytes));
    if (count < bytes.length) {
      this.#inputWatch ??= mainLoop.watch(this.#inputFd.number, { writable: true }, () => {
        this.#inputWatch?.[Symbol.dispose]();
        this.#inputWatch = undefined;
        this.#console.resume();
      });
    }
    return count;
  }
}
