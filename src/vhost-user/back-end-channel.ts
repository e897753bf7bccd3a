/**
 * The second connection of a vhost-user device, on which the back-end makes the requests (SET_BACKEND_REQ_FD). One is handled
 * in a turn of the loop, so that a flood of them keeps nobody from working.
 */
import type { Fd } from '../host/fd.ts';
import type { UnixSocket } from '../host/unix-socket.ts';
import type { FdWatch, IoLoop } from '../virtio/device.ts';
import { BACK_END, type Header } from './message.ts';
import { type Incoming, MessageSocket } from './message-socket.ts';
import type { SharedMapping } from './payload.ts';
import { PeerFault } from './peer-fault.ts';
import type { Tap } from './tap.ts';

/** What requests may bring: one descriptor at most ("Back-end message types"). */
const FDS_MAX = 1;
const DONE = 0n;
const REFUSED = 1n;

/** What the back-end may ask of a device with shared memory. `done` is called with whether it was, at once or later. */
export interface MemoryListener {
  /** SHMEM_MAP: memory of `fd` to lie in the guest. `fd` stays the caller's. */
  map(mapping: SharedMapping, fd: Fd, done: Done): void;
  /** SHMEM_UNMAP: what was mapped so is to go. */
  unmap(mapping: SharedMapping, done: Done): void;
}

export type Done = (isDone: boolean) => void;

export interface BackEndListener {
  /** Where it has shared memory. */
  readonly sharedMemory?: MemoryListener | undefined;
  /** CONFIG_CHANGE_MSG: the config space is not what it was. */
  onConfigChange(): void;
  onFault(fault: PeerFault): void;
}

export class BackEndChannel implements Disposable {
  readonly #socket: MessageSocket;
  readonly #listener: BackEndListener;
  readonly #resources = new DisposableStack();
  readonly #watch: FdWatch;
  /** A request that takes a while; the next one waits. */
  #isBusy = false;
  #isOver = false;

  /** Takes over `socket`. */
  constructor(socket: UnixSocket, loop: IoLoop, listener: BackEndListener, tap?: Tap) {
    this.#socket = this.#resources.use(new MessageSocket(socket, FDS_MAX, 'channel', tap));
    this.#listener = listener;
    this.#watch = this.#resources.use(
      loop.watch(this.#socket.fd, { readable: true }, () => this.#guard(() => this.#hear())),
    );
  }

  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof PeerFault)) throw error;
      this[Symbol.dispose]();
      this.#listener.onFault(error);
    }
  }

  /** A hang-up is told even while nothing is waited for. */
  #hear(): void {
    const message = this.#isBusy ? undefined : this.#socket.receive();
    if (!message) return;
    try {
      this.#handle(message);
    } finally {
      for (const fd of message.fds) fd[Symbol.dispose]();
    }
  }

  #handle({ header, payload, fds }: Incoming): void {
    const request = BACK_END.decodeRequest(header, payload, fds.length);
    const { sharedMemory } = this.#listener;
    if (request?.name === 'SHMEM_MAP' && sharedMemory) {
      this.#wait(header, (done) => sharedMemory.map(request.body, fds[0]!, done));
    } else if (request?.name === 'SHMEM_UNMAP' && sharedMemory) {
      this.#wait(header, (done) => sharedMemory.unmap(request.body, done));
    } else {
      const isKnown = request?.name === 'CONFIG_CHANGE_MSG';
      this.#answer(header, isKnown);
      if (isKnown) this.#listener.onConfigChange();
    }
  }

  #answer({ needsReply, request }: Header, isDone: boolean): void {
    if (needsReply) this.#socket.send(BACK_END.encodeAck(request, isDone ? DONE : REFUSED));
  }

  #wait(header: Header, work: (done: Done) => void): void {
    this.#setBusy(true);
    work((isDone) => {
      if (this.#isOver) return;
      this.#setBusy(false);
      this.#guard(() => this.#answer(header, isDone));
    });
  }

  #setBusy(isBusy: boolean): void {
    this.#isBusy = isBusy;
    this.#watch.set({ readable: !isBusy });
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    this.#resources.dispose();
  }
}
