/**
 * A connection to a back-end on which anything can be said, in any order: one thing at a time, waiting for answers here and
 * now. What goes wrong is a PeerFault; that nothing comes is none, since what it means is the caller's to say.
 */
import type { Fd } from '../host/fd.ts';
import { waitFor } from '../host/poll.ts';
import type { UnixSocket } from '../host/unix-socket.ts';
import { FRONT_END } from '../vhost-user/message.ts';
import { type Incoming, MessageSocket } from '../vhost-user/message-socket.ts';
import { PeerFault, Silence } from '../vhost-user/peer-fault.ts';
import { type Body, FRONT_END_REQUESTS, type Reply } from '../vhost-user/requests.ts';

type Requests = typeof FRONT_END_REQUESTS;
type Name = keyof Requests;

const FDS_MAX = 8;
/** Acknowledgements that may still be on their way when something is asked. */
const STRAYS_MAX = 16;

export class Peer implements Disposable {
  readonly #socket: UnixSocket;
  readonly #messages: MessageSocket;
  readonly #timeoutMs: number;
  /** VHOST_USER_PROTOCOL_F_REPLY_ACK was agreed on. */
  hasAcks = false;

  /** Takes over `socket`. */
  constructor(socket: UnixSocket, timeoutMs: number) {
    this.#socket = socket;
    this.#messages = new MessageSocket(socket, FDS_MAX);
    this.#timeoutMs = timeoutMs;
  }

  /** As it is, whatever it is. */
  sendRaw(bytes: Uint8Array, fds: readonly Fd[] = []): void {
    const sent = this.#socket.trySend(bytes, fds);
    if (sent < bytes.length) throw new PeerFault('it does not read what it is sent');
  }

  send<N extends Name>(name: N, body: Body<Requests, N>, fds: readonly Fd[] = [], needsReply = false): void {
    this.#messages.send(FRONT_END.encodeRequest(name, body, needsReply), fds);
  }

  /** The next message; undefined when none comes. */
  receive(timeoutMs = this.#timeoutMs): Incoming | undefined {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const message = this.#messages.receive();
      if (message) return message;
      if (!waitFor(this.#messages.fd, 'readable', Math.max(0, deadline - performance.now()))) return undefined;
    }
  }

  ask<N extends Name>(name: N, body: Body<Requests, N>, fds: readonly Fd[] = []): Reply<Requests, N> {
    const { reply, fd } = this.askFor(name, body, fds);
    fd?.[Symbol.dispose]();
    return reply;
  }

  /** The same where a descriptor may come with the answer. */
  askFor<N extends Name>(
    name: N,
    body: Body<Requests, N>,
    fds: readonly Fd[] = [],
  ): { readonly reply: Reply<Requests, N>; readonly fd: Fd | undefined } {
    this.send(name, body, fds);
    const { header, payload, fds: came } = this.#answer(name);
    const [fd, ...others] = came;
    for (const other of others) other[Symbol.dispose]();
    try {
      return { reply: FRONT_END.decodeReply(name, header, payload, came.length), fd };
    } catch (error) {
      fd?.[Symbol.dispose]();
      throw error;
    }
  }

  /** The status that it gives, 0 for success; undefined where it gives none. */
  tell<N extends Name>(name: N, body: Body<Requests, N>, fds: readonly Fd[] = []): bigint | undefined {
    this.send(name, body, fds, this.hasAcks);
    if (!this.hasAcks) return undefined;
    const { header, payload, fds: came } = this.#answer(name);
    for (const fd of came) fd[Symbol.dispose]();
    return FRONT_END.decodeAck(name, header, payload, came.length);
  }

  /**
   * What has become of the connection: the back-end answers a question, or has closed. Answers to what was said before are left
   * out of account. It is a fault to do neither.
   */
  aftermath(): 'answers' | 'closed' {
    try {
      this.send('GET_FEATURES', undefined);
      for (let strays = 0; strays < STRAYS_MAX; strays++) {
        const { header, fds } = this.#answer('GET_FEATURES');
        for (const fd of fds) fd[Symbol.dispose]();
        if (header.isReply && header.request === FRONT_END_REQUESTS.GET_FEATURES.id) return 'answers';
      }
    } catch (error) {
      if (!(error instanceof PeerFault) || error instanceof Silence) throw error;
      return 'closed';
    }
    throw new Silence(`it sends ${STRAYS_MAX} messages and does not answer GET_FEATURES`);
  }

  #answer(name: Name): Incoming {
    const message = this.receive();
    if (message) return message;
    throw new Silence(`it neither answers ${name} nor closes the connection within ${this.#timeoutMs / 1000} s`);
  }

  [Symbol.dispose](): void {
    this.#messages[Symbol.dispose]();
  }
}
