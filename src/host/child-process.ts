/**
 * A program that runs beside the VM, started from an I/O thread. Node's events do not reach that thread once its devices are
 * made, so what the program says, and that it has ended, is seen at a file descriptor: its output.
 */
import { type ChildProcess as NodeChild, spawn } from 'node:child_process';
import { once } from 'node:events';
import { SIGKILL, SIGTERM, signalNames, WNOHANG } from '../abi/libc.ts';
import { HostError } from '../base/errors.ts';
import { KiB } from '../base/units.ts';
import type { Fd } from './fd.ts';
import * as libc from './libc.ts';
import { sleep } from './poll.ts';
import { UnixSocket } from './unix-socket.ts';

const READ_BYTES = 4 * KiB;
/** What a program that prints without end may cost at a time; it is heard again in the next turn. */
const READS_MAX = 16;
const LINE_LENGTH_MAX = 4 * KiB;
const REAP_AGAIN_MS = 5;
/** Between a program's last output and its end. */
const LAST_BREATH_MS = 100;

export interface ChildOptions {
  readonly command: string;
  readonly arguments: readonly string[];
  /** What the program has as file descriptors 3, 4 … */
  readonly fds: readonly Fd[];
  /** What to do when it is not installed. */
  readonly remedy: string;
  /** Instead of ours. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Who it runs as, unless as we do. */
  readonly user?: { readonly uid: number; readonly gid: number } | undefined;
}

export class ChildProcess implements Disposable {
  readonly #command: string;
  readonly #pid: number;
  readonly #output: UnixSocket;
  readonly #status = new Int32Array(1);
  readonly #statusBytes = new Uint8Array(this.#status.buffer);
  #rest = '';

  private constructor(command: string, pid: number, output: UnixSocket) {
    this.#command = command;
    this.#pid = pid;
    this.#output = output;
  }

  /** Resolves once the program is there; says why it cannot be started. */
  static async start(options: ChildOptions): Promise<ChildProcess> {
    const { command, remedy } = options;
    using starting = new DisposableStack();
    const { child, output } = spawnProgram(options);
    starting.use(output);
    try {
      await once(child, 'spawn');
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      const why = code === 'ENOENT' ? `it is not installed: ${remedy}` : message;
      throw new HostError(`Cannot start ${command}: ${why}`);
    }
    starting.move();
    return new ChildProcess(command, child.pid!, output);
  }

  /** The same where nobody can wait for Node's events: why it cannot be started then remains Node's secret. */
  static startNow(options: ChildOptions): ChildProcess {
    const { command, remedy } = options;
    const { child, output } = spawnProgram(options);
    child.on('error', () => {});
    if (child.pid !== undefined) return new ChildProcess(command, child.pid, output);
    output[Symbol.dispose]();
    throw new HostError(`Cannot start ${command}: ${remedy}`);
  }

  /** Readable when there is something to `take`. */
  get fd(): number {
    return this.#output.number;
  }

  /** The lines that it has printed since the last call, and how it ended, if it has: "exit code 1". */
  take(): { readonly lines: readonly string[]; readonly end?: string } {
    let end: string | undefined;
    for (let reads = 0; reads < READS_MAX; reads++) {
      const received = this.#output.receive(READ_BYTES, 0);
      if (received === undefined) break;
      if (received.bytes.length === 0) {
        end = this.#reap();
        break;
      }
      this.#rest += new TextDecoder().decode(received.bytes);
    }
    const lines = this.#rest.split('\n');
    this.#rest = end === undefined ? lines.pop()!.slice(0, LINE_LENGTH_MAX) : '';
    return { lines: lines.filter((line) => line.trim() !== ''), ...(end !== undefined && { end }) };
  }

  /** Asks it to end, and makes it end when that takes longer than `graceMs`. */
  terminate(graceMs: number): void {
    if (this.#isGone()) return;
    libc.kill(this.#pid, SIGTERM);
    if (!this.#isGoneWithin(graceMs)) this.kill();
  }

  /** It ends now, whatever it is doing, and with it what it has started: its session is a process group. */
  kill(): void {
    if (this.#isGone()) return;
    libc.kill(-this.#pid, SIGKILL);
    libc.waitpid(this.#pid, this.#statusBytes, 0);
  }

  /** It has closed its output, so it is about to end; if not, it is made to, or we would wait for it. */
  #reap(): string {
    if (!this.#isGoneWithin(LAST_BREATH_MS)) this.kill();
    const status = this.#status[0]!;
    // Node may have been quicker, and then it is 0.
    if (status === 0) return `${this.#command} has ended`;
    const signal = status & 0x7f;
    if (signal !== 0) return `${this.#command} was ended by ${signalNames[signal]?.[0] ?? `signal ${signal}`}`;
    return `${this.#command} has ended with exit code ${status >> 8}`;
  }

  #isGoneWithin(ms: number): boolean {
    for (const deadline = performance.now() + ms; !this.#isGone(); sleep(REAP_AGAIN_MS)) {
      if (performance.now() >= deadline) return false;
    }
    return true;
  }

  /** Somebody has waited for it: its number may be another's by now. */
  #isGone(): boolean {
    return libc.waitpid(this.#pid, this.#statusBytes, WNOHANG) !== 0;
  }

  /** Whoever disposes has seen to it that the program ends. */
  [Symbol.dispose](): void {
    this.#output[Symbol.dispose]();
  }
}

/** A session of its own, so that Ctrl-C in our terminal does not end it. */
function spawnProgram({ command, arguments: words, fds, env, user }: ChildOptions) {
  const [output, theirs] = UnixSocket.pair(`what ${command} says`);
  using _ = theirs;
  const stdio = ['ignore' as const, theirs.number, theirs.number, ...fds.map(({ number }) => number)];
  const child: NodeChild = spawn(command, words, { stdio, detached: true, ...(env && { env }), ...user });
  return { child, output };
}
