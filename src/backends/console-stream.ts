/** A console whose other end is a socket that we already have: a relay in another thread. */
import { Fd } from '../host/fd.ts';
import { duplicate } from '../host/poll.ts';
import type { ConsoleBackend, ConsoleOptions } from './console.ts';
import { InputQueue } from './input-queue.ts';
import { OutputQueue } from './output-queue.ts';

export class ConsoleStream implements ConsoleBackend {
  readonly description: string;
  readonly #resources = new DisposableStack();
  readonly #input: InputQueue;
  readonly #output: OutputQueue;

  /** Takes over the non-blocking `number`. */
  constructor(number: number, description: string, options: ConsoleOptions) {
    this.description = description;
    const socket = this.#resources.use(new Fd(number));
    const outputFd = this.#resources.use(duplicate(number));
    this.#output = this.#resources.use(
      new OutputQueue(outputFd.number, { ...options, nonBlocking: true, what: description, onLost() {} }),
    );
    const { loop } = options;
    this.#input = this.#resources.use(new InputQueue(socket.number, { loop }));
  }

  get isFull(): boolean {
    return this.#output.isFull;
  }

  write(bytes: Uint8Array): void {
    this.#output.write(bytes);
  }

  start(receive: (bytes: Uint8Array) => number): void {
    this.#input.start(receive);
  }

  resume(): void {
    this.#input.resume();
  }

  room(): Promise<void> {
    return this.#output.room();
  }

  drain(): Promise<void> {
    return this.#output.drain();
  }

  [Symbol.dispose](): void {
    this.#resources[Symbol.dispose]();
  }
}
