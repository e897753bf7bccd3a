/**
 * vhost-user messages on a socket: each leaves in one sendmsg(2) with its file descriptors, and arrives whole or in pieces.
 * What arrives is not trusted: nothing is read beyond what a header announces, and every descriptor that does not belong to
 * a message is closed.
 */
import type { Fd } from '../host/fd.ts';
import type { UnixSocket } from '../host/unix-socket.ts';
import { decodeHeader, HEADER_BYTES, type Header } from './message.ts';
import { blamePeer, PeerFault, PeerGone } from './peer-fault.ts';
import type { Line, Tap } from './tap.ts';

/** A message as it came; whoever takes it owns the descriptors. */
export interface Incoming {
  readonly header: Header;
  readonly payload: Uint8Array;
  readonly fds: readonly Fd[];
}

export class MessageSocket implements Disposable {
  readonly #socket: UnixSocket;
  readonly #fdsMax: number;
  readonly #tap: { readonly line: Line; readonly tap: Tap } | undefined;
  /** Of the message that is arriving. Descriptors come with its first byte ("Communication"). */
  #fds: readonly Fd[] = [];
  #header: Header | undefined;
  #bytes = new Uint8Array(HEADER_BYTES);
  #count = 0;

  /** Takes over `socket`. `fdsMax`: the most descriptors that a message may bring. `tap`: of that line, who listens in. */
  constructor(socket: UnixSocket, fdsMax: number, line: Line = 'main', tap?: Tap) {
    this.#socket = socket;
    this.#fdsMax = fdsMax;
    this.#tap = tap && { line, tap };
  }

  get fd(): number {
    return this.#socket.number;
  }

  /** One at a time is under way, so there is room for it; who does not read what was sent before has stopped working. */
  send(message: Uint8Array, fds: readonly Fd[] = []): void {
    this.#tap?.tap.sent(this.#tap.line, message, fds);
    const sent = blamePeer(() => this.#socket.trySend(message, fds));
    if (sent !== message.length) throw new PeerFault('it does not read what it is sent');
  }

  /** A message, once all of it is there. */
  receive(): Incoming | undefined {
    while (this.#count < this.#bytes.length || this.#header === undefined) {
      if (this.#count === HEADER_BYTES && this.#header === undefined) {
        this.#header = decodeHeader(this.#bytes);
        this.#bytes = new Uint8Array(this.#header.size);
        this.#count = 0;
        continue;
      }
      const fdsMax = this.#header === undefined && this.#count === 0 ? this.#fdsMax : 0;
      const received = blamePeer(() => this.#socket.receive(this.#bytes.length - this.#count, fdsMax));
      if (received === undefined) return undefined;
      if (received.fds.length > 0) this.#fds = received.fds;
      if (received.bytes.length === 0) throw new PeerGone();
      this.#bytes.set(received.bytes, this.#count);
      this.#count += received.bytes.length;
    }
    const message = { header: this.#header, payload: this.#bytes, fds: this.#fds };
    this.#header = undefined;
    this.#bytes = new Uint8Array(HEADER_BYTES);
    this.#count = 0;
    this.#fds = [];
    return this.#tap ? this.#tap.tap.received(this.#tap.line, message) : message;
  }

  [Symbol.dispose](): void {
    for (const fd of this.#fds) fd[Symbol.dispose]();
    this.#socket[Symbol.dispose]();
  }
}
