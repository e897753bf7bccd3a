/**
 * One connection to a back-end, from its first message to its end: the conversation, what is said in it, and the channel on
 * which the back-end asks. The first of them that breaks ends all.
 */
import type { Credentials, UnixSocket } from '../host/unix-socket.ts';
import type { IoLoop } from '../virtio/device.ts';
import { BackEndChannel, type MemoryListener } from './back-end-channel.ts';
import { Conversation, type Steps } from './conversation.ts';
import type { Display } from './display.ts';
import { DisplayChannel } from './display-channel.ts';
import { type BackEndFacts, FrontEnd, type Ring, type SharedRegion, type Start, type Wanted } from './front-end.ts';
import type { PeerFault } from './peer-fault.ts';
import type { Tap } from './tap.ts';

export interface SessionOptions {
  readonly loop: IoLoop;
  readonly memory: readonly SharedRegion[];
  readonly wanted: Wanted;
  readonly timeoutMs: number;
  /** Who listens in on its messages. */
  readonly tap?: Tap | undefined;
  onConfig(config: Uint8Array): void;
  /** Who has the device's shared memory, if there is any. */
  readonly sharedMemory?: MemoryListener | undefined;
  /** Where what it shows is drawn (`wanted.hasDisplay`). */
  readonly display?: Display | undefined;
  /** It is over. Comes once, before those who wait for something are told. */
  onEnd(fault: PeerFault): void;
}

/** What came of it: undefined when the connection ended instead. */
type Settle<Result> = (result: Result | undefined) => void;

export class Session implements Disposable {
  readonly #options: SessionOptions;
  readonly #conversation: Conversation;
  readonly #frontEnd: FrontEnd;
  /** Who is at the other end. */
  readonly peer: Credentials;
  #channel: BackEndChannel | undefined;
  #display: DisplayChannel | undefined;
  /** The config space is being read, and what it becomes meanwhile is read too. */
  #isReading = false;

  /** Takes over `socket`. */
  constructor(socket: UnixSocket, options: SessionOptions) {
    const { loop, memory, wanted, timeoutMs, tap } = options;
    this.#options = options;
    this.peer = socket.peer();
    this.#conversation = new Conversation(socket, {
      loop,
      timeoutMs,
      tap,
      onEnd: (fault) => {
        this.#closeChannels();
        options.onEnd(fault);
      },
    });
    this.#frontEnd = new FrontEnd(this.#conversation, memory, wanted);
  }

  probe(settle: Settle<BackEndFacts>): void {
    const openings = {
      channel: (socket: UnixSocket) => this.#openChannel(socket),
      display: (socket: UnixSocket) => this.#openDisplay(socket),
    };
    this.#run(() => this.#frontEnd.probe(openings), settle);
  }

  start(start: Start, settle: Settle<void>): void {
    this.#run(() => this.#frontEnd.start(start), settle);
  }

  enable(rings: readonly Ring[], settle: Settle<void>): void {
    this.#run(() => this.#frontEnd.enable(rings), settle);
  }

  stop(settle: Settle<void>): void {
    this.#run(() => this.#frontEnd.stop(), settle);
  }

  stopRing(index: number, settle: Settle<number | undefined>): void {
    this.#run(() => this.#frontEnd.stopRing(index), settle);
  }

  /** What the config space is after the write. */
  writeConfig(offset: number, bytes: Uint8Array, settle: Settle<Uint8Array>): void {
    const frontEnd = this.#frontEnd;
    this.#run(function* () {
      yield* frontEnd.writeConfig(offset, bytes);
      return yield* frontEnd.readConfig();
    }, settle);
  }

  /** Ends it for a reason of ours. */
  end(fault: PeerFault): void {
    this.#conversation.end(fault);
  }

  #openDisplay(socket: UnixSocket): void {
    const { loop, display } = this.#options;
    this.#display = new DisplayChannel(socket, loop, display!, (fault) => this.#conversation.end(fault));
  }

  #openChannel(socket: UnixSocket): void {
    const { loop, tap, sharedMemory } = this.#options;
    const listener = {
      sharedMemory,
      onConfigChange: () => this.#readConfig(),
      onFault: (fault: PeerFault) => this.#conversation.end(fault),
    };
    this.#channel = new BackEndChannel(socket, loop, listener, tap);
  }

  #readConfig(): void {
    if (this.#isReading) return;
    this.#isReading = true;
    const frontEnd = this.#frontEnd;
    const begin = () => {
      // From here on a change is a new one.
      this.#isReading = false;
      return frontEnd.readConfig();
    };
    this.#run(begin, (config) => config && this.#options.onConfig(config));
  }

  #run<Result>(begin: () => Steps<Result>, settle: Settle<Result>): void {
    this.#conversation.run(begin, (outcome) => settle('result' in outcome ? outcome.result : undefined));
  }

  #closeChannels(): void {
    this.#channel?.[Symbol.dispose]();
    this.#display?.[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.#closeChannels();
    this.#conversation[Symbol.dispose]();
  }
}
