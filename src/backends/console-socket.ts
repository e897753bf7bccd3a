/**
 * The console as a Unix socket to which one client at a time attaches. What the guest printed last is kept and shown to
 * each new client. A client that is slow holds the guest up; one that takes nothing at all is disconnected. A port for
 * programs (`lossless`) shows nothing twice, holds the guest up while nobody is attached, and disconnects nobody.
 */
import { ByteQueue } from '../base/byte-queue.ts';
import { KiB } from '../base/units.ts';
import type { Fd } from '../host/fd.ts';
import { mainLoop } from '../host/main-loop.ts';
import { duplicate } from '../host/poll.ts';
import type { UnixSocket } from '../host/unix-socket.ts';
import type { ConsoleBackend, ConsoleLoop, ConsoleOptions } from './console.ts';
import { InputQueue } from './input-queue.ts';
import { ListeningSocket } from './listening-socket.ts';
import { OutputQueue } from './output-queue.ts';

export const HISTORY_BYTES = 64 * KiB;
const PATIENCE_MS = 5_000;
const REFUSAL = new TextEncoder().encode('orko-vmm: this console is in use by another client\r\n');

interface Client extends Disposable {
  readonly output: OutputQueue;
  readonly input: InputQueue;
  /** It sends nothing more: it is gone, or has closed its half (`echo … | socat`) and may still read. */
  ended: boolean;
}

export class ConsoleSocket implements ConsoleBackend {
  readonly description: string;
  readonly #resources = new DisposableStack();
  readonly #options: ConsoleOptions;
  readonly #path: string;
  readonly #loop: ConsoleLoop;
  readonly #patienceMs: number;
  readonly #history: ByteQueue;
  #client: Client | undefined;
  /** Before the start nothing is taken. But clients are listened to, for one may leave again. */
  #receive: (bytes: Uint8Array) => number = () => 0;

  constructor(path: string, options: ConsoleOptions, patienceMs = PATIENCE_MS) {
    this.description = `socket ${path}`;
    this.#options = options;
    this.#path = path;
    this.#loop = options.loop ?? mainLoop;
    this.#patienceMs = patienceMs;
    this.#history = new ByteQueue(options.lossless ? 0 : HISTORY_BYTES);
    const { keyPath = 'console' } = options;
    const listener = this.#resources.use(new ListeningSocket({ path, what: 'console socket', keyPath }));
    this.#resources.use(this.#loop.watch(listener.number, { readable: true }, () => this.#accept(listener)));
    options.lossless?.peer(false);
  }

  get isFull(): boolean {
    return this.#client?.output.isFull ?? this.#options.lossless !== undefined;
  }

  write(bytes: Uint8Array): void {
    this.#history.pushOver(bytes);
    this.#client?.output.write(bytes);
  }

  start(receive: (bytes: Uint8Array) => number): void {
    this.#receive = receive;
    this.#client?.input.start(receive);
  }

  resume(): void {
    this.#client?.input.resume();
  }

  async room(): Promise<void> {
    await this.#client?.output.room();
  }

  async drain(): Promise<void> {
    await this.#client?.output.drain();
  }

  [Symbol.dispose](): void {
    this.#detach();
    this.#resources[Symbol.dispose]();
  }

  #accept(listener: ListeningSocket): void {
    for (let socket = listener.accept(); socket; socket = listener.accept()) {
      if (!this.#client || this.#client.ended) this.#attach(socket);
      else refuse(socket);
    }
  }

  #attach(socket: UnixSocket): void {
    this.#client?.output.discard();
    this.#detach();
    const client = this.#createClient(socket);
    this.#client = client;
    client.output.write(this.#history.toBytes());
    this.#options.lossless?.peer(true);
    this.#options.release?.();
    client.input.start(this.#receive);
  }

  #createClient(socket: UnixSocket): Client {
    const resources = new DisposableStack();
    const outputFd: Fd = resources.use(duplicate(socket.number));
    resources.use(socket);
    const output = resources.use(
      new OutputQueue(outputFd.number, {
        ...this.#options,
        nonBlocking: true,
        what: this.#path,
        ...(!this.#options.lossless && { patienceMs: this.#patienceMs }),
        onLost: (why) => {
          this.#detach();
          if (why === 'stalled') this.#options.say(`The client of ${this.#path} takes nothing: disconnected it`);
        },
      }),
    );
    const end = () => {
      client.ended = true;
      if (this.#options.lossless) resources.use(this.#loop.watch(socket.number, {}, () => this.#detach()));
    };
    const input = resources.use(
      new InputQueue(socket.number, {
        loop: this.#loop,
        // What programs send is for the guest, also when they have gone.
        ...(this.#options.lossless ? { onTaken: end } : { onEnd: end }),
      }),
    );
    const client: Client = { output, input, ended: false, [Symbol.dispose]: () => resources[Symbol.dispose]() };
    return client;
  }

  #detach(): void {
    if (!this.#client) return;
    this.#client[Symbol.dispose]();
    this.#client = undefined;
    this.#options.lossless?.peer(false);
  }
}

function refuse(socket: UnixSocket): void {
  using refused = socket;
  try {
    refused.trySend(REFUSAL);
  } catch {
    // It is gone already.
  }
}
