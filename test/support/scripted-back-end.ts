/**
 * A vhost-user back-end that does what a test says, well or badly: it answers as a good one would, unless the test has another
 * answer to a request. Real sockets, real file descriptors; it runs on the test's loop.
 */
import { VIRTIO_F_VERSION_1, VIRTIO_RING_F_EVENT_IDX, VIRTIO_RING_F_INDIRECT_DESC } from '../../src/abi/virtio.ts';
import { HostError } from '../../src/base/errors.ts';
import type { Fd } from '../../src/host/fd.ts';
import { UnixSocket } from '../../src/host/unix-socket.ts';
import type { EpollLoop } from '../../src/io/io-loop.ts';
import { FRONT_END } from '../../src/vhost-user/message.ts';
import { MessageSocket } from '../../src/vhost-user/message-socket.ts';
import { PeerFault } from '../../src/vhost-user/peer-fault.ts';
import {
  VHOST_USER_F_PROTOCOL_FEATURES,
  VHOST_USER_PROTOCOL_F_BACKEND_REQ,
  VHOST_USER_PROTOCOL_F_CONFIG,
  VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS,
  VHOST_USER_PROTOCOL_F_MQ,
  VHOST_USER_PROTOCOL_F_REPLY_ACK,
  VHOST_USER_PROTOCOL_F_RESET_DEVICE,
} from '../../src/vhost-user/protocol-features.ts';
import { FRONT_END_REQUESTS, type FrontEndRequest } from '../../src/vhost-user/requests.ts';
import { features } from '../../src/virtio/features.ts';

type Name = keyof typeof FRONT_END_REQUESTS;

/** A reply that brings a descriptor. */
export interface WithFd {
  readonly reply: unknown;
  readonly fd: Fd;
}

/** Answers a request in place of the good back-end: what it returns is the reply (or status), undefined is no answer at all. */
export type Answer = (request: FrontEndRequest, backEnd: ScriptedBackEnd, fds: readonly Fd[]) => unknown;
export type Script = Partial<Record<Name, Answer>>;

/** Messages with more descriptors than anybody sends are a mistake of the test's. */
const FDS_MAX = 8;

export const OFFERED = features(
  ...[VIRTIO_F_VERSION_1, VIRTIO_RING_F_INDIRECT_DESC, VIRTIO_RING_F_EVENT_IDX, VHOST_USER_F_PROTOCOL_FEATURES],
);
export const PROTOCOL_OFFERED = features(
  ...[VHOST_USER_PROTOCOL_F_MQ, VHOST_USER_PROTOCOL_F_REPLY_ACK, VHOST_USER_PROTOCOL_F_BACKEND_REQ],
  ...[VHOST_USER_PROTOCOL_F_CONFIG, VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS, VHOST_USER_PROTOCOL_F_RESET_DEVICE],
);

export class ScriptedBackEnd implements Disposable {
  /** What it was told, by name, and each of it whole. */
  readonly heard: Name[] = [];
  readonly requests: FrontEndRequest[] = [];
  /** What came with a request and is kept: kicks, calls, memory. */
  readonly fds = new Map<string, Fd>();
  /** Its own channel (SET_BACKEND_REQ_FD). */
  channel: UnixSocket | undefined;
  config = new Uint8Array();
  readonly socket: UnixSocket;
  readonly #messages: MessageSocket;
  readonly #script: Script;
  readonly #resources = new DisposableStack();
  isGone = false;

  constructor(socket: UnixSocket, loop: EpollLoop, script: Script = {}) {
    this.socket = socket;
    this.#script = script;
    this.#messages = this.#resources.use(new MessageSocket(socket, FDS_MAX));
    this.#resources.use(loop.watch(socket.number, { readable: true }, () => this.#hear()));
  }

  /** As it is, whatever it is. */
  send(bytes: Uint8Array, fds: readonly Fd[] = []): void {
    this.socket.send(bytes, fds);
  }

  #hear(): void {
    try {
      for (let message = this.#messages.receive(); message; message = this.#messages.receive()) {
        const request = FRONT_END.decodeRequest(message.header, message.payload, message.fds.length);
        if (request === undefined) throw new PeerFault('a request that does not exist');
        this.heard.push(request.name);
        this.requests.push(request);
        this.#keep(request, message.fds);
        this.#answer(request, message.header.needsReply, message.fds);
        if (this.isGone) return;
      }
    } catch (error) {
      // It broke the protocol, or is gone when it should get an answer.
      if (!(error instanceof HostError)) throw error;
      this[Symbol.dispose]();
    }
  }

  #answer(request: FrontEndRequest, needsReply: boolean, fds: readonly Fd[]): void {
    const { name } = request;
    const scripted = this.#script[name];
    const reply = scripted ? scripted(request, this, fds) : this.#good(request);
    if (reply === undefined || this.isGone) return;
    if (isWithFd(reply)) this.send(FRONT_END.encodeReply(name, reply.reply as never), [reply.fd]);
    else if (FRONT_END.hasReply(name)) this.send(FRONT_END.encodeReply(name, reply as never));
    else if (needsReply) this.send(FRONT_END.encodeAck(FRONT_END_REQUESTS[name].id, reply as bigint));
  }

  #good({ name, body }: FrontEndRequest): unknown {
    switch (name) {
      case 'GET_FEATURES':
        return OFFERED;
      case 'GET_PROTOCOL_FEATURES':
        return PROTOCOL_OFFERED;
      case 'GET_QUEUE_NUM':
        return 256n;
      case 'GET_MAX_MEM_SLOTS':
        return 32n;
      case 'GET_SHMEM_CONFIG':
        return Array<bigint>(256).fill(0n);
      case 'GET_VRING_BASE':
        return { index: body.index, num: 0 };
      case 'GET_CONFIG':
        return { ...body, bytes: this.config };
      case 'SET_CONFIG':
        this.config.set(body.bytes, body.offset);
        return 0n;
      default:
        return 0n;
    }
  }

  #keep({ name, body }: FrontEndRequest, fds: readonly Fd[]): void {
    if (name === 'SET_BACKEND_REQ_FD') {
      this.channel = this.#resources.use(UnixSocket.adopt(fds[0]!, 'the channel of a test'));
      return;
    }
    fds.forEach((fd, index) => {
      const key = typeof body === 'object' && 'index' in body ? `${name} ${body.index}` : `${name} ${index}`;
      this.fds.set(key, this.#resources.use(fd));
    });
  }

  /** It ends, as when its process does. */
  [Symbol.dispose](): void {
    this.isGone = true;
    this.#resources.dispose();
  }
}

function isWithFd(reply: unknown): reply is WithFd {
  return typeof reply === 'object' && reply !== null && 'fd' in reply;
}
