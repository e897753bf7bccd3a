/** The client's side of a control socket: what `orko-vmm ctl` and `orko-vmm list` speak through. */
import { createConnection, type Socket } from 'node:net';
import { HostError } from '../base/errors.ts';
import { LineSplitter } from './line-splitter.ts';
import {
  type ControlEvent,
  decodeMessage,
  encodeLine,
  isResultOf,
  LINE_BYTES_MAX,
  type Params,
  type Reply,
  type Request,
  type RequestKind,
  type Result,
} from './protocol.ts';

/** A machine that stops or reboots answers within seconds; one that is stopped in a debugger never. */
const REPLY_TIMEOUT_MS = 30_000;

/** What the errno of a failed connect means for the user. */
const CONNECT_PROBLEMS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such socket: orko-vmm list shows the VMs that run',
  ECONNREFUSED: 'nobody listens there any more: its orko-vmm has ended',
  EACCES: 'permission denied: become the user who started it',
  ENOTSOCK: 'it is not a socket: give the name of a VM or its control socket',
};

export interface ClientOptions {
  readonly timeoutMs?: number;
  readonly onEvent?: (event: ControlEvent) => void;
}

interface Waiting {
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: Error) => void;
}

export class ControlClient {
  readonly #socket: Socket;
  readonly #path: string;
  readonly #options: ClientOptions;
  readonly #input = new LineSplitter(LINE_BYTES_MAX);
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #over = false;
  /** Resolves when the connection has ended, by whichever side. */
  readonly closed: Promise<void>;

  /** Use `ControlClient.connect`. */
  private constructor(socket: Socket, path: string, options: ClientOptions) {
    this.#socket = socket;
    this.#path = path;
    this.#options = options;
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
    socket.on('data', (bytes) => this.#receive(bytes));
    socket.on('error', () => undefined); // a close follows, and says it to all who wait
    socket.on('close', () => this.#end('the VM has closed the connection'));
  }

  static connect(path: string, options: ClientOptions = {}): Promise<ControlClient> {
    return new Promise((resolve, reject) => {
      const socket = createConnection(path);
      socket.once('error', (error: NodeJS.ErrnoException) => {
        const problem = CONNECT_PROBLEMS[error.code ?? ''] ?? error.message;
        reject(new HostError(`Cannot connect to ${path}: ${problem}`, Math.abs(error.errno ?? 0)));
      });
      socket.once('connect', () => resolve(new ControlClient(socket, path, options)));
    });
  }

  /** The VM's answer; rejects with HostError, whose message is the VM's sentence where there is one. */
  async request<K extends RequestKind>(kind: K, params: Params<K>): Promise<Result<K>> {
    const id = ++this.#lastId;
    const reply = await this.#exchange(id, { id, request: kind, ...params } as Request);
    if (!reply.ok) throw new HostError(reply.error);
    if (!isResultOf(kind, reply))
      throw new HostError(`Cannot understand the VM at ${this.#path}: its ${kind} reply lacks fields`);
    return reply as Result<K>;
  }

  close(): void {
    this.#socket.destroy();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #exchange(id: number, request: Request): Promise<Reply> {
    return new Promise<Reply>((resolve, reject) => {
      const fail = (problem: string) =>
        reject(new HostError(`Cannot ${request.request} the VM at ${this.#path}: ${problem}`));
      if (this.#over) {
        fail('the connection has ended');
        return;
      }
      const timeoutMs = this.#options.timeoutMs ?? REPLY_TIMEOUT_MS;
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        fail(`no answer within ${timeoutMs / 1000} s`);
      }, timeoutMs);
      this.#waiting.set(id, {
        resolve: (reply) => {
          clearTimeout(timer);
          resolve(reply);
        },
        reject: (error) => {
          clearTimeout(timer);
          fail(error.message);
        },
      });
      this.#socket.write(encodeLine(request));
    });
  }

  #receive(bytes: Uint8Array): void {
    this.#input.push(bytes);
    for (let line = this.#input.next(); line !== undefined; line = this.#input.next()) {
      if (line === 'too-long') {
        this.#abandon(`it sent a line of more than ${LINE_BYTES_MAX} bytes: is it the control socket of a VM?`);
        return;
      }
      try {
        this.#take(decodeMessage(line));
      } catch (error) {
        this.#abandon(`${(error as Error).message}: is it the control socket of a VM?`);
        return;
      }
    }
  }

  #take(message: Reply | ControlEvent | undefined): void {
    if (message === undefined) return;
    if ('event' in message) {
      this.#options.onEvent?.(message);
      return;
    }
    if (message.id === null) return;
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    waiting?.resolve(message);
  }

  #abandon(problem: string): void {
    this.#end(problem);
    this.#socket.destroy();
  }

  #end(problem: string): void {
    this.#over = true;
    for (const { reject } of this.#waiting.values()) reject(new Error(problem));
    this.#waiting.clear();
  }
}
