/**
 * The console on standard input and output. A terminal goes into raw mode while the guest runs, and Ctrl-A leads out of
 * it; a pipe or a file is read as it is, and its end just ends the input.
 */
import { fstatSync, openSync } from 'node:fs';
import { O_CLOEXEC, O_NOCTTY, O_NONBLOCK, O_RDONLY, O_WRONLY } from '../abi/libc.ts';
import { Fd } from '../host/fd.ts';
import { duplicate } from '../host/poll.ts';
import { isTerminal, RawMode } from '../host/terminal-mode.ts';
import type { ConsoleBackend, ConsoleOptions } from './console.ts';
import { ESCAPE_HELP, type EscapeKey, EscapeKeys } from './escape-keys.ts';
import { InputQueue } from './input-queue.ts';
import { OutputQueue } from './output-queue.ts';

const BELL = Uint8Array.of(0x07);

export class TerminalConsole implements ConsoleBackend {
  readonly description = 'stdio';
  readonly #resources = new DisposableStack();
  readonly #options: ConsoleOptions;
  readonly #inputFd: Fd;
  readonly #input: InputQueue;
  readonly #output: OutputQueue;
  readonly #isInteractive: boolean;

  /** `streams`: other file descriptors than 0 and 1; they stay the caller's. */
  constructor(options: ConsoleOptions, streams: { input: number; output: number } = { input: 0, output: 1 }) {
    this.#options = options;
    const output = openStream(streams.output, O_WRONLY);
    this.#resources.use(output.fd);
    this.#inputFd = this.#resources.use(openStream(streams.input, O_RDONLY).fd);
    this.#isInteractive = isTerminal(streams.input);
    this.#output = this.#resources.use(
      new OutputQueue(output.fd.number, {
        ...options,
        nonBlocking: output.nonBlocking,
        what: 'standard output',
        onLost: () => options.say('Nobody reads standard output any more: what the guest prints is dropped'),
      }),
    );
    this.#input = this.#resources.use(new InputQueue(this.#inputFd.number, this.#isInteractive ? this.#keys() : {}));
  }

  get isFull(): boolean {
    return this.#output.isFull;
  }

  write(bytes: Uint8Array): void {
    this.#output.write(bytes);
  }

  start(receive: (bytes: Uint8Array) => number): void {
    if (this.#isInteractive) {
      this.#options.say('Every key goes to the guest now: Ctrl-A x leaves, Ctrl-A h shows what else there is');
      this.#resources.use(new RawMode(this.#inputFd));
    }
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

  /** The terminal first: whatever goes wrong after that, it is restored. */
  [Symbol.dispose](): void {
    this.#resources[Symbol.dispose]();
  }

  #keys() {
    const keys = new EscapeKeys((key) => this.#pressed(key));
    return {
      filter: (typed: Uint8Array) => keys.filter(typed),
      onDropped: () => this.#output.write(BELL),
    };
  }

  #pressed(key: EscapeKey): void {
    if (key !== 'help') this.#options.onEscape(key);
    else for (const line of ['', ...ESCAPE_HELP]) this.#output.write(new TextEncoder().encode(`${line}\r\n`));
  }
}

/**
 * The stream as an open file of our own, where that can be had: non-blocking, without the user's shell and whoever else
 * has the same terminal or pipe finding theirs changed. Files and sockets cannot be opened again without harm.
 */
function openStream(number: number, access: number): { fd: Fd; nonBlocking: boolean } {
  if (isTerminal(number) || fstatSync(number).isFIFO()) {
    try {
      const flags = access | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
      return { fd: new Fd(openSync(`/proc/self/fd/${number}`, flags)), nonBlocking: true };
    } catch {
      // Another user's terminal (su), a pipe that nobody reads, no /proc: then as it is.
    }
  }
  return { fd: duplicate(number), nonBlocking: false };
}
