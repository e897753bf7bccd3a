/**
 * The console as a new pseudo-terminal that a terminal program can open. Its other end stays open in our hands, so that
 * programs may come and go. Whether one is there cannot be seen; so when nobody has read for a while and the guest would
 * have to wait, the guest goes on and the terminal shows the last of what it missed once somebody reads again.
 */

import { ByteQueue } from '../base/byte-queue.ts';
import { KiB } from '../base/units.ts';
import type { Fd } from '../host/fd.ts';
import { mainLoop } from '../host/main-loop.ts';
import { duplicate, sleep } from '../host/poll.ts';
import { openPty, unreadBytes } from '../host/terminal-mode.ts';
import type { ConsoleBackend, ConsoleLoop, ConsoleOptions } from './console.ts';
import { InputQueue } from './input-queue.ts';
import { OutputQueue } from './output-queue.ts';

const PATIENCE_MS = 2_000;
const HISTORY_BYTES = 64 * KiB;
/** At the end: how often to look whether the last output has been read, and how long for a reader that takes nothing. */
const LAST_LOOK_MS = 10;
const LAST_PATIENCE_MS = 300;

export class PtyConsole implements ConsoleBackend {
  readonly description: string;
  readonly #resources = new DisposableStack();
  readonly #options: ConsoleOptions;
  readonly #name: string;
  readonly #patienceMs: number;
  readonly #outputFd: Fd;
  /** The end that programs open too. */
  readonly #slave: Fd;
  readonly #input: InputQueue;
  readonly #history = new ByteQueue(HISTORY_BYTES);
  /** Absent while nobody reads. */
  #output: OutputQueue | undefined;
  readonly #loop: ConsoleLoop;
  #watching: Disposable | undefined;

  constructor(options: ConsoleOptions, patienceMs = PATIENCE_MS) {
    const { master, slave, name } = openPty();
    this.#slave = this.#resources.use(slave);
    this.#resources.use(master);
    this.#options = options;
    this.#name = name;
    this.#loop = options.loop ?? mainLoop;
    this.#patienceMs = patienceMs;
    this.description = `pty ${name}`;
    this.#outputFd = this.#resources.use(duplicate(master.number));
    this.#input = this.#resources.use(new InputQueue(master.number, { loop: this.#loop }));
    // A port is closed without being drained before.
    if (options.lossless) this.#resources.defer(() => this.#awaitReader());
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
    const reading = new LastReading(this.#slave);
    while (!reading.isOver()) await new Promise<void>((resolve) => this.#loop.after(LAST_LOOK_MS, resolve));
  }

  [Symbol.dispose](): void {
    this.#watching?.[Symbol.dispose]();
    this.#output?.[Symbol.dispose]();
    this.#resources[Symbol.dispose]();
  }

  #awaitReader(): void {
    const reading = new LastReading(this.#slave);
    while (!reading.isOver()) sleep(LAST_LOOK_MS);
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

/**
 * Looks, every `LAST_LOOK_MS`, whether what was printed last has been read: closing our ends hangs the terminal up, and with that the
 * kernel drops what lies in it. Nothing twice in a row means that all was read: between its two buffers the kernel moves bytes in a
 * moment of its own.
 */
class LastReading {
  readonly #slave: Fd;
  #before = Number.POSITIVE_INFINITY;
  #idleMs = 0;

  constructor(slave: Fd) {
    this.#slave = slave;
  }

  /** Also when nobody seems to read. */
  isOver(): boolean {
    const unread = unreadBytes(this.#slave);
    const isSame = unread === this.#before;
    this.#idleMs = isSame ? this.#idleMs + LAST_LOOK_MS : 0;
    this.#before = unread;
    return isSame && (unread === 0 || this.#idleMs >= LAST_PATIENCE_MS);
  }
}
