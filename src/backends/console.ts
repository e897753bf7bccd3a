/** Where a serial port of the guest leads, opened: the config's `console`, and the ports of virtio consoles. */
import type { IoLoop } from '../virtio/device.ts';
import { ConsoleFile } from './console-file.ts';
import { ConsoleSocket } from './console-socket.ts';
import { ConsoleStream } from './console-stream.ts';
import { PtyConsole } from './pty.ts';
import { TerminalConsole } from './terminal.ts';

export type ConsoleSpec =
  | { readonly kind: 'stdio' | 'pty' | 'none' }
  | { readonly kind: 'file' | 'unix'; readonly path: string }
  /** A socket that is open already, and now the console's. */
  | { readonly kind: 'descriptor'; readonly number: number; readonly description: string };

/** The loop that serves a console: the main thread's, or that of an I/O thread. */
export type ConsoleLoop = Pick<IoLoop, 'watch' | 'after'>;

export interface ConsoleBackend extends Disposable {
  /** For people: "stdio", "pty /dev/pts/3". */
  readonly description: string;
  /** Output of the guest. `bytes` are only valid during the call. Blocks when far too much of it waits. */
  write(bytes: Uint8Array): void;
  /** Begins to offer input. `receive` returns how many bytes it took; the rest is offered again by `resume`. */
  start(receive: (bytes: Uint8Array) => number): void;
  /** The guest has room for input again. */
  resume(): void;
  /** Whether so much output waits for its reader that the guest shall be held until `room()` resolves. */
  readonly isFull: boolean;
  room(): Promise<void>;
  /** Resolves when all output has left, or nobody is there to read it: for an orderly end. */
  drain(): Promise<void>;
}

export interface ConsoleOptions {
  /** Default: the main thread's. */
  readonly loop?: ConsoleLoop;
  /** A key combination that is not for the guest. Only a terminal has them. */
  onEscape(key: 'quit' | 'powerkey'): void;
  /** Tells the user a line, on standard error. */
  say(line: string): void;
  /**
   * The reader is slow and much output waits: called when `isFull` becomes true. Whoever gives it holds the guest until
   * `room()` resolves and keeps the event loop going meanwhile; without it, `write` blocks until the reader has read.
   */
  readonly hold?: () => void;
  /** `isFull` is false again. */
  readonly release?: () => void;
  /** What the user knows it as, to begin a sentence. Default: "The console". */
  readonly title?: string;
  /** The config's key that says where it leads. Default: `console`. */
  readonly keyPath?: string;
  /**
   * For programs, not for people: every byte counts, none is shown twice, and the guest waits as long as nobody reads.
   * `peer` is told whether somebody is there, where that can be known; somebody is, unless it says otherwise.
   */
  readonly lossless?: { peer(isThere: boolean): void };
}

export function openConsole(spec: ConsoleSpec, options: ConsoleOptions): ConsoleBackend {
  switch (spec.kind) {
    case 'stdio':
      return new TerminalConsole(options);
    case 'pty':
      return new PtyConsole(options);
    case 'file':
      return new ConsoleFile(spec.path, options);
    case 'unix':
      return new ConsoleSocket(spec.path, options);
    case 'descriptor':
      return new ConsoleStream(spec.number, spec.description, options);
    case 'none':
      return new NoConsole();
  }
}

class NoConsole implements ConsoleBackend {
  readonly description = 'none';
  readonly isFull = false;
  write(): void {}
  start(): void {}
  resume(): void {}
  async room(): Promise<void> {}
  async drain(): Promise<void> {}
  [Symbol.dispose](): void {}
}
