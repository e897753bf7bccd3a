/** A Unix socket as the host's end of a vsock connection. */
import { EAGAIN, EINTR } from '../abi/errno.ts';
import { SHUT_RD, SHUT_WR } from '../abi/libc.ts';
import type { VsockStream } from '../devices/vsock-stream.ts';
import { waitFor } from '../host/poll.ts';
import { hasHungUp, type Iovecs, readIovecs, sendBytes, shutDown, writeIovecs } from '../host/socket-bytes.ts';
import type { UnixSocket } from '../host/unix-socket.ts';
import type { FdWatch, IoLoop } from '../virtio/device.ts';

export class SocketStream implements VsockStream {
  isGone = false;
  readonly #socket: UnixSocket;
  readonly #loop: IoLoop;
  readonly #greeting: ((hostPort: number) => string) | undefined;
  #onReady: () => void = () => {};
  #watch: FdWatch | undefined;
  #wantsReadable = false;
  #wantsWritable = false;

  /** Takes over `socket`. `greeting`: what the other side is told once the guest has accepted. */
  constructor(socket: UnixSocket, loop: IoLoop, greeting?: (hostPort: number) => string) {
    this.#socket = socket;
    this.#loop = loop;
    this.#greeting = greeting;
  }

  start(ready: () => void): void {
    this.#onReady = ready;
  }

  want(readable: boolean, writable: boolean): void {
    if (this.isGone || (this.#watch && readable === this.#wantsReadable && writable === this.#wantsWritable)) return;
    this.#wantsReadable = readable;
    this.#wantsWritable = writable;
    if (this.#watch) this.#watch.set({ readable, writable });
    else this.#watch = this.#loop.watch(this.#socket.number, { readable, writable }, () => this.#ready());
  }

  read(table: Iovecs): number {
    const count = readIovecs(this.#socket.number, table);
    if (count > 0) return count;
    if (count === -EAGAIN || count === -EINTR) return 0;
    // The end; or ECONNRESET, for the other side has left without reading everything.
    if (count < 0 || hasHungUp(this.#socket.number)) this.#gone();
    return -1;
  }

  write(table: Iovecs): number {
    return taken(writeIovecs(this.#socket.number, table));
  }

  writeBytes(bytes: Uint8Array): number {
    return taken(sendBytes(this.#socket.number, bytes));
  }

  waitForRoom(milliseconds: number): boolean {
    return waitFor(this.#socket.number, 'writable', milliseconds);
  }

  established(hostPort: number): void {
    // A new socket has room for a line.
    if (this.#greeting) sendBytes(this.#socket.number, new TextEncoder().encode(this.#greeting(hostPort)));
  }

  endWriting(): void {
    shutDown(this.#socket.number, SHUT_WR);
  }

  endReading(): void {
    shutDown(this.#socket.number, SHUT_RD);
  }

  [Symbol.dispose](): void {
    this.#unwatch();
    this.#socket[Symbol.dispose]();
  }

  #ready(): void {
    // Asked about nothing, we are told of a hang-up alone.
    if (!this.#wantsReadable && !this.#wantsWritable) this.#gone();
    this.#onReady();
  }

  /** A hang-up lasts: it must not be reported over and over. */
  #gone(): void {
    this.isGone = true;
    this.#unwatch();
  }

  #unwatch(): void {
    this.#watch?.[Symbol.dispose]();
    this.#watch = undefined;
  }
}

/** -1 when nobody takes anything any more. */
function taken(count: number): number {
  if (count >= 0) return count;
  return count === -EAGAIN || count === -EINTR ? 0 : -1;
}
