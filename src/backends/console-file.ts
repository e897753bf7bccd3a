/** A console that is only written down: appended to a file (or put into a named pipe or a serial port). No input. */
import { O_APPEND, O_CREAT, O_NOCTTY, O_NONBLOCK, O_WRONLY } from '../abi/libc.ts';
import { Fd } from '../host/fd.ts';
import type { ConsoleBackend, ConsoleOptions } from './console.ts';
import { OutputQueue } from './output-queue.ts';

/** O_NONBLOCK: a named pipe that nobody reads is an error, not an endless wait. */
const FLAGS = O_WRONLY | O_APPEND | O_CREAT | O_NOCTTY | O_NONBLOCK;

export class ConsoleFile implements ConsoleBackend {
  readonly description: string;
  readonly #resources = new DisposableStack();
  readonly #output: OutputQueue;

  constructor(path: string, options: ConsoleOptions) {
    this.description = `file ${path}`;
    const file = Fd.open(path, FLAGS, `open the console file ${path}`, { ENXIO: 'start what reads this pipe first' });
    this.#resources.use(file);
    this.#output = this.#resources.use(
      new OutputQueue(file.number, {
        ...options,
        nonBlocking: true,
        what: path,
        onLost: () => options.say(`Nobody reads ${path} any more: what the guest prints is dropped`),
      }),
    );
  }

  get isFull(): boolean {
    return this.#output.isFull;
  }

  write(bytes: Uint8Array): void {
    this.#output.write(bytes);
  }

  start(): void {}
  resume(): void {}

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
