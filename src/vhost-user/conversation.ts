/**
 * The front-end's side of a vhost-user connection: requests one at a time, each with its answer, on the loop of an I/O thread
 * and never waiting in a system call. What needs several requests in a row is a generator that yields while an answer is on
 * its way, so it reads from top to bottom. Whatever goes wrong ends the conversation: a stream that is out of step, by an
 * answer too late or too strange, cannot get back into it.
 */
import type { Fd } from '../host/fd.ts';
import type { UnixSocket } from '../host/unix-socket.ts';
import type { IoLoop } from '../virtio/device.ts';
import { FRONT_END } from './message.ts';
import { type Incoming, MessageSocket } from './message-socket.ts';
import { PeerFault, Silence } from './peer-fault.ts';
import type { Body, FRONT_END_REQUESTS, Reply } from './requests.ts';
import type { Tap } from './tap.ts';

/** Requests in a row: it gets each answer as the value of its `yield`. */
export type Steps<Result> = Generator<undefined, Result, Incoming>;

type Requests = typeof FRONT_END_REQUESTS;
type Name = keyof Requests;

/** The only answers with a descriptor have one (GET_INFLIGHT_FD and its like). */
const REPLY_FDS_MAX = 1;

export interface ConversationOptions {
  readonly loop: IoLoop;
  /** How long one run of steps may take. */
  readonly timeoutMs: number;
  /** Who listens in. */
  readonly tap?: Tap | undefined;
  /** It is over: nothing more is sent or heard. Comes once, before the steps under way are told. */
  onEnd(fault: PeerFault): void;
}

interface Run {
  readonly begin: () => Steps<unknown>;
  readonly settle: (outcome: { readonly result: unknown } | PeerFault) => void;
}

export class Conversation implements Disposable {
  readonly #socket: MessageSocket;
  readonly #options: ConversationOptions;
  readonly #resources = new DisposableStack();
  readonly #waiting: Run[] = [];
  #current: { readonly run: Run; readonly steps: Steps<unknown>; readonly cancelTimer: () => void } | undefined;
  /** What is being waited for. */
  #asked: Name | undefined;
  /** Lets go of an answer that is held back. */
  #held: (() => void) | undefined;
  /** Why it is over. */
  #fault: PeerFault | undefined;

  /** Takes over `socket`. */
  constructor(socket: UnixSocket, options: ConversationOptions) {
    this.#socket = this.#resources.use(new MessageSocket(socket, REPLY_FDS_MAX, 'main', options.tap));
    this.#options = options;
    this.#resources.use(options.loop.watch(this.#socket.fd, { readable: true }, () => this.#guard(() => this.#hear())));
  }

  /** Runs steps after those that were asked for before. `settle` is told what came of them, also if the conversation ends. */
  run<Result>(
    begin: () => Steps<Result>,
    settle: (outcome: { readonly result: Result } | PeerFault) => void = () => {},
  ): void {
    this.#waiting.push({ begin, settle: settle as Run['settle'] });
    if (this.#fault) this.#waiting.pop()!.settle(this.#fault);
    else if (this.#current === undefined) this.#guard(() => this.#next());
  }

  /** Asks for something that has an answer of its own. */
  *ask<N extends Name>(name: N, body: Body<Requests, N>, fds: readonly Fd[] = []): Steps<Reply<Requests, N>> {
    const answer = yield* this.#exchange(name, FRONT_END.encodeRequest(name, body), fds);
    return take(answer, ({ header, payload, fds }) => FRONT_END.decodeReply(name, header, payload, fds.length));
  }

  /** The same for an answer that brings a descriptor, which `keep` takes over. */
  *askFor<N extends Name>(
    name: N,
    body: Body<Requests, N>,
    keep: (reply: Reply<Requests, N>, fd: Fd) => void,
  ): Steps<void> {
    const { header, payload, fds } = yield* this.#exchange(name, FRONT_END.encodeRequest(name, body), []);
    try {
      keep(FRONT_END.decodeReply(name, header, payload, fds.length), fds[0]!);
    } catch (error) {
      close(fds);
      throw error;
    }
  }

  /** Tells something, and waits for the word that it is done where the back-end gives one ("REPLY_ACK"). */
  *tell<N extends Name>(name: N, body: Body<Requests, N>, fds: readonly Fd[], hasAcks: boolean): Steps<void> {
    const request = FRONT_END.encodeRequest(name, body, hasAcks);
    if (!hasAcks) {
      this.#socket.send(request, fds);
      return;
    }
    const answer = yield* this.#exchange(name, request, fds);
    const status = take(answer, ({ header, payload, fds }) => FRONT_END.decodeAck(name, header, payload, fds.length));
    if (status !== 0n) throw new PeerFault(`it refuses ${name} (status ${status})`);
  }

  *#exchange(name: Name, request: Uint8Array, fds: readonly Fd[]): Steps<Incoming> {
    this.#socket.send(request, fds);
    this.#asked = name;
    return yield;
  }

  #hear(): void {
    for (let message = this.#socket.receive(); message !== undefined; message = this.#socket.receive()) {
      if (this.#asked === undefined || this.#held !== undefined) {
        close(message.fds);
        throw new PeerFault(`it sends ${FRONT_END.nameOf(message.header.request)} without being asked`);
      }
      const delayMs = this.#options.tap?.delayMs?.(message) ?? 0;
      if (delayMs > 0) this.#hold(message, delayMs);
      else this.#take(message);
      if (this.#fault) return;
    }
  }

  #take(message: Incoming): void {
    this.#asked = undefined;
    this.#step(message);
  }

  /** As if it came later. */
  #hold(message: Incoming, delayMs: number): void {
    const cancel = this.#options.loop.after(delayMs, () => {
      this.#held = undefined;
      this.#guard(() => this.#take(message));
    });
    this.#held = () => {
      cancel();
      close(message.fds);
    };
  }

  #next(): void {
    while (this.#current === undefined && !this.#fault) {
      const run = this.#waiting.shift();
      if (run === undefined) return;
      const { loop, timeoutMs } = this.#options;
      const cancelTimer = loop.after(timeoutMs, () => this.#guard(() => this.#late()));
      this.#current = { run, steps: run.begin(), cancelTimer };
      this.#step(undefined);
    }
  }

  /** The steps go on, with the message they waited for, or from their beginning. */
  #step(message: Incoming | undefined): void {
    const { run, steps, cancelTimer } = this.#current!;
    const next = steps.next(message as Incoming);
    if (!next.done) return;
    cancelTimer();
    this.#current = undefined;
    run.settle({ result: next.value });
    this.#next();
  }

  #late(): void {
    const what = this.#asked ?? 'what it was asked';
    throw new Silence(`it does not answer ${what} within ${this.#options.timeoutMs / 1000} s`);
  }

  /** The one place where the back-end's faults are caught. */
  #guard(work: () => void): void {
    if (this.#fault) return;
    try {
      work();
    } catch (error) {
      if (!(error instanceof PeerFault)) throw error;
      this.end(error);
    }
  }

  /** Ends it, for a reason of ours or of the back-end's. */
  end(fault: PeerFault): void {
    if (this.#fault) return;
    const runs = this.#close(fault);
    this.#options.onEnd(fault);
    for (const { settle } of runs) settle(fault);
  }

  /** What is under way is left where it is; it lets go of what it holds. */
  #close(fault: PeerFault): readonly Run[] {
    this.#fault = fault;
    this.#resources.dispose();
    this.#held?.();
    const current = this.#current;
    this.#current = undefined;
    current?.cancelTimer();
    // The type wants a result, which nobody sees.
    current?.steps.return(undefined);
    return [...(current ? [current.run] : []), ...this.#waiting.splice(0)];
  }

  /** Ends it without a word to anybody. */
  [Symbol.dispose](): void {
    if (!this.#fault) this.#close(new PeerFault('it is not needed any more'));
  }
}

/** What a message says. A descriptor that comes with it is nothing to us. */
function take<Value>(message: Incoming, decode: (message: Incoming) => Value): Value {
  try {
    return decode(message);
  } finally {
    close(message.fds);
  }
}

function close(fds: readonly Fd[]): void {
  for (const fd of fds) fd[Symbol.dispose]();
}
