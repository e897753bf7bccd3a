/**
 * The console as a new pseudo-terminal that a terminal program can open. Its other end stays open in our hands, so that
 * programs may come and go. Whether one is there cannot be seen; so when nobody has read for a while and the guest would
 * have to wait, the guest goes on and the terminal shows the last of what it missed once somebody reads again.
 */

import { ByteQueue } from '../base/byte-queue.ts';
import { KiB } from '../base/units.ts';
import type { Fd } from '../host/fd.ts';
import { mainLoop } from '../host/main-loop.ts';
import { duplicate } from '../host/poll.ts';
import { openPty } from '../host/terminal-mode.ts';
import type { ConsoleBackend, ConsoleLoop, ConsoleOptions } from './console.ts';
import { InputQueue } from './input-queue.ts';
import { OutputQueue } from './output-queue.ts';

const PATIENCE_MS = 2_000;
const HISTORY_BYTES = 64 * KiB;

export class PtyConsole implements ConsoleBackend {
  readonly description: string;
  readonly #resources = new DisposableStack();
  readonly #options: ConsoleOptions;
  readonly #name: string;
  readonly #patienceMs: number;
  readonly #outputFd: Fd;
  readonly #input: InputQueue;
  readonly #history = new ByteQueue(HISTORY_BYTES);
  /** Absent while nobody reads. */
  #output: OutputQueue | undefined;
  readonly #loop: ConsoleLoop;
  #watching: Disposable | undefined;

  constructor(options: ConsoleOptions, patienceMs = PATIENCE_MS) {
    const { master, slave, name } = openPty();
    this.#resources.use(slave);
    this.#resources.use(master);
    this.#options = options;
    this.#name = name;
    this.#loop = options.loop ?? mainLoop;
    this.#patienceMs = patienceMs;
    this.description = `pty ${name}`;
    this.#outputFd = this.#resources.use(duplicate(master.number));
    this.#input = this.#resources.use(new InputQueue(master.number, { loop: this.#loop }));
    this.#output = this.#open();
    options.say(`${options.title ?? 'The console'} is ${name}`);
  }

  get isFull(): boolean {
    return this.#output?.isFull ?? false;
  }

  write(bytes: Uint8Array): void {
    this.#history.pushOver(bytes);
    this.#output?.write(bytes);
  }

  start(receive: (bytes: Uint8Array) => number): void {
    this.#input.start(receive);
  }

  resume(): void {
    this.#input.resume();
  }

  async room(): Promise<void> {
    await this.#output?.room();
  }

  async drain(): Promise<void> {
    await this.#output?.drain();
  }

  [Symbol.dispose](): void {
    this.#watching?.[Symbol.dispose]();
    this.#output?.[Symbol.dispose]();
    this.#resources[Symbol.dispose]();
  }

  #open(): OutputQueue {
    return new OutputQueue(this.#outputFd.number, {
      ...this.#options,
      nonBlocking: true,
      what: this.#name,
      ...(!this.#options.lossless && { patienceMs: this.#patienceMs }),
      onLost: () => this.#lost(),
    });
  }

  #lost(): void {
    this.#output?.[Symbol.dispose]();
    this.#output = undefined;
    this.#watching = this.#loop.watch(this.#outputFd.number, { writable: true }, () => {
      this.#watching?.[Symbol.dispose]();
      this.#watching = undefined;
      this.#output = this.#open();
      this.#output.write(this.#history.toBytes());
    });
  }
}
