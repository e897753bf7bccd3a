/** Where the guest's first serial port leads: the config's `console`, opened. */
import { ConsoleFile } from './console-file.ts';
import { ConsoleSocket } from './console-socket.ts';
import { PtyConsole } from './pty.ts';
import { TerminalConsole } from './terminal.ts';

export type ConsoleSpec =
  | { readonly kind: 'stdio' | 'pty' | 'none' }
  | { readonly kind: 'file' | 'unix'; readonly path: string };

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
  /** A key combination that is not for the guest. Only a terminal has them. */
  onEscape(key: 'quit' | 'powerkey'): void;
  /** Tells the user a line, on standard error. */
  say(line: string): void;
  /**
   * The reader is slow and much output waits: called when `isFull` becomes true. Whoever gives it holds the guest until
   * `room()` resolves and keeps the event loop going meanwhile; without it, `write` blocks until the reader has read.
   */
  readonly hold?: () => void;
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
