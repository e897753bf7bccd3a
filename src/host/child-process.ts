/**
 * A program that runs beside the VM, started from an I/O thread. Node's events do not reach that thread once its devices are
 * made, so what the program says, and that it has ended, is seen at a file descriptor: its standard error output.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { signalNames } from '../abi/libc.ts';
import { HostError } from '../base/errors.ts';
import { KiB } from '../base/units.ts';
import type { Fd } from './fd.ts';
import * as libc from './libc.ts';
import { UnixSocket } from './unix-socket.ts';

const READ_BYTES = 4 * KiB;

export interface ChildOptions {
  readonly command: string;
  readonly arguments: readonly string[];
  /** What the program has as file descriptors 3, 4 … */
  readonly fds: readonly Fd[];
  /** What to do when it is not installed. */
  readonly remedy: string;
}

export class ChildProcess implements Disposable {
  readonly #command: string;
  readonly #pid: number;
  readonly #errors: UnixSocket;
  #rest = '';

  private constructor(command: string, pid: number, errors: UnixSocket) {
    this.#command = command;
    this.#pid = pid;
    this.#errors = errors;
  }

  /** Resolves once the program is there. A session of its own, so that Ctrl-C in our terminal does not end it. */
  static async start({ command, arguments: words, fds, remedy }: ChildOptions): Promise<ChildProcess> {
    using starting = new DisposableStack();
    const [ours, theirs] = UnixSocket.pair(`what ${command} says`);
    starting.use(ours);
    using _ = theirs;
    const stdio = ['ignore', 'ignore', theirs.number, ...fds.map(({ number }) => number)] as const;
    const child = spawn(command, words, { stdio: [...stdio], detached: true });
    try {
      await once(child, 'spawn');
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      const why = code === 'ENOENT' ? `it is not installed: ${remedy}` : message;
      throw new HostError(`Cannot start ${command}: ${why}`);
    }
    starting.move();
    return new ChildProcess(command, child.pid!, ours);
  }

  /** Readable when there is something to `take`. */
  get fd(): number {
    return this.#errors.number;
  }

  /** The lines that it has printed since the last call, and how it ended, if it has: "exit code 1". */
  take(): { readonly lines: readonly string[]; readonly end?: string } {
    let end: string | undefined;
    for (;;) {
      const received = this.#errors.receive(READ_BYTES, 0);
      if (received === undefined) break;
      if (received.bytes.length === 0) {
        end = this.#reap();
        break;
      }
      this.#rest += new TextDecoder().decode(received.bytes);
    }
    const lines = this.#rest.split('\n');
    this.#rest = end === undefined ? lines.pop()! : '';
    return { lines: lines.filter((line) => line.trim() !== ''), ...(end !== undefined && { end }) };
  }

  /** waitpid(2): it has closed its output, so it is about to end. */
  #reap(): string {
    const status = new Int32Array(1);
    // Node may have been quicker.
    if (libc.waitpid(this.#pid, new Uint8Array(status.buffer), 0) !== this.#pid) return `${this.#command} has ended`;
    const signal = status[0]! & 0x7f;
    if (signal !== 0) return `${this.#command} was ended by ${signalNames[signal]?.[0] ?? `signal ${signal}`}`;
    return `${this.#command} has ended with exit code ${status[0]! >> 8}`;
  }

  /** Whoever disposes has seen to it that the program ends. */
  [Symbol.dispose](): void {
    this.#errors[Symbol.dispose]();
  }
}
