/**
 * The second connection of a vhost-user device, on which the back-end makes the requests (SET_BACKEND_REQ_FD). One is handled
 * in a turn of the loop, so that a flood of them keeps nobody from working.
 */
import type { UnixSocket } from '../host/unix-socket.ts';
import type { IoLoop } from '../virtio/device.ts';
import { BACK_END } from './message.ts';
import { type Incoming, MessageSocket } from './message-socket.ts';
import { PeerFault } from './peer-fault.ts';
import type { Tap } from './tap.ts';

/** What requests may bring: one descriptor at most ("Back-end message types"). */
const FDS_MAX = 1;
const DONE = 0n;
const REFUSED = 1n;

export interface BackEndListener {
  /** CONFIG_CHANGE_MSG: the config space is not what it was. */
  onConfigChange(): void;
  onFault(fault: PeerFault): void;
}

export class BackEndChannel implements Disposable {
  readonly #socket: MessageSocket;
  readonly #listener: BackEndListener;
  readonly #resources = new DisposableStack();

  /** Takes over `socket`. */
  constructor(socket: UnixSocket, loop: IoLoop, listener: BackEndListener, tap?: Tap) {
    this.#socket = this.#resources.use(new MessageSocket(socket, FDS_MAX, 'channel', tap));
    this.#listener = listener;
    this.#resources.use(loop.watch(this.#socket.fd, { readable: true }, () => this.#hear()));
  }

  #hear(): void {
    try {
      const message = this.#socket.receive();
      if (message) this.#answer(message);
    } catch (error) {
      if (!(error instanceof PeerFault)) throw error;
      this[Symbol.dispose]();
      this.#listener.onFault(error);
    }
  }

  #answer({ header, payload, fds }: Incoming): void {
    for (const fd of fds) fd[Symbol.dispose]();
    const request = BACK_END.decodeRequest(header, payload, fds.length);
    const status = request?.name === 'CONFIG_CHANGE_MSG' ? DONE : REFUSED;
    if (header.needsReply) this.#socket.send(BACK_END.encodeAck(header.request, status));
    if (status === DONE) this.#listener.onConfigChange();
  }

  [Symbol.dispose](): void {
    this.#resources.dispose();
  }
}
