/** The second connection of a vhost-user device, by which we, the back-end, tell the front-end something (SET_BACKEND_REQ_FD). */
import type { Fd } from '../host/fd.ts';
import { UnixSocket } from '../host/unix-socket.ts';
import type { FdWatch, IoLoop } from '../virtio/device.ts';
import { BACK_END } from './message.ts';
import { MessageSocket } from './message-socket.ts';
import { blamePeer } from './peer-fault.ts';

export class FrontEndChannel implements Disposable {
  readonly #socket: MessageSocket;
  readonly #watch: FdWatch;
  readonly #wantsAcks: boolean;
  readonly #guard: (work: () => void) => void;
  /** One message at a time: a change that comes before the last was heard of is told once. */
  #isUnderWay = false;
  #isDue = false;

  /** Takes over `fd`; a PeerFault where that is nothing to talk through. `guard` runs what may find the front-end at fault. */
  constructor(fd: Fd, loop: IoLoop, wantsAcks: boolean, guard: (work: () => void) => void) {
    using resources = new DisposableStack();
    this.#socket = resources.use(new MessageSocket(UnixSocket.adopt(fd, "the front-end's channel"), 0));
    this.#wantsAcks = wantsAcks;
    this.#guard = guard;
    fd.setBlocking(false);
    this.#watch = blamePeer(() => loop.watch(fd.number, { readable: true }, () => this.#guard(() => this.#hear())));
    resources.move();
  }

  /** The config space is not what it was. */
  tellConfigChange(): void {
    this.#isDue = true;
    this.#guard(() => this.#send());
  }

  #send(): void {
    if (!this.#isDue || this.#isUnderWay) return;
    this.#isDue = false;
    this.#isUnderWay = this.#wantsAcks;
    this.#socket.send(BACK_END.encodeRequest('CONFIG_CHANGE_MSG', undefined, this.#wantsAcks));
  }

  /** What it thinks of it does not matter: it has been told. */
  #hear(): void {
    const message = this.#socket.receive();
    if (!message) return;
    BACK_END.decodeAck('CONFIG_CHANGE_MSG', message.header, message.payload, message.fds.length);
    this.#isUnderWay = false;
    this.#send();
  }

  [Symbol.dispose](): void {
    this.#watch[Symbol.dispose]();
    this.#socket[Symbol.dispose]();
  }
}
