/**
 * The host's side of vsock as Unix sockets, by Firecracker's convention. At `PATH` clients connect to the guest: they send
 * `CONNECT port\n`, and get `OK port\n` when somebody in the guest listens there; from then on it is their stream. What the
 * guest connects to, port p of the host, is whoever listens at `PATH_p`.
 */
import { EAGAIN, ECONNREFUSED, ENOENT } from '../abi/errno.ts';
import { HostError } from '../base/errors.ts';
import type { VsockHost, VsockStream } from '../devices/vsock-stream.ts';
import { describeErrno } from '../host/errno.ts';
import { peekBytes, receiveBytes } from '../host/socket-bytes.ts';
import { UnixSocket } from '../host/unix-socket.ts';
import type { FdWatch, IoLoop } from '../virtio/device.ts';
import { Timeouts } from '../virtio/timeouts.ts';
import { ListeningSocket } from './listening-socket.ts';
import { SocketStream } from './socket-stream.ts';

/** Clients that have connected and not yet said to what; more of them wait until these have. */
const GREETING_MAX = 256;
/** Somebody may type it. */
const GREETING_MS = 60_000;
/** "CONNECT 4294967295\n", and some room for spaces. */
const GREETING_BYTES_MAX = 32;
const GREETING = /^CONNECT +(\d{1,10}) *\r?\n/i;
const PORT_MAX = 2 ** 32 - 1;
/** Many may connect at once. */
const BACKLOG = 1024;
/** After a failure to accept (too many open files, say) others get the chance to end. */
const PAUSE_MS = 1_000;

interface Client extends Disposable {
  readonly socket: UnixSocket;
}

export interface VsockSocketsOptions {
  readonly path: string;
  /** The config's key for `path`. */
  readonly keyPath: string;
  readonly loop: IoLoop;
  log(message: string): void;
}

export class VsockSockets implements VsockHost {
  readonly #path: string;
  readonly #loop: IoLoop;
  readonly #log: (message: string) => void;
  readonly #listener: ListeningSocket;
  readonly #clients = new Set<Client>();
  readonly #greetings: Timeouts<Client>;
  #watch: FdWatch | undefined;
  #cancelPause: (() => void) | undefined;
  #offer: ((guestPort: number, stream: VsockStream) => boolean) | undefined;
  /** What `log` was last told, so that one cause makes one line. */
  #lastTrouble = '';
  readonly #greeting = new Uint8Array(GREETING_BYTES_MAX);

  constructor({ path, keyPath, loop, log }: VsockSocketsOptions) {
    this.#path = path;
    this.#loop = loop;
    this.#log = log;
    this.#listener = new ListeningSocket({ path, what: 'vsock socket', keyPath, backlog: BACKLOG });
    this.#greetings = new Timeouts(loop, GREETING_MS, (client) => this.#drop(client));
  }

  connect(port: number): VsockStream | 'busy' | undefined {
    const path = `${this.#path}_${port}`;
    try {
      const socket = UnixSocket.connectNow(path);
      if (typeof socket !== 'number') return new SocketStream(socket, this.#loop);
      if (socket === EAGAIN) return 'busy';
      if (socket !== ENOENT && socket !== ECONNREFUSED) this.#complain(`connect to ${path}`, socket);
    } catch (error) {
      // No socket to be had.
      this.#complainOf(error);
    }
    return undefined;
  }

  /** Who connects earlier waits. */
  listen(offer: (guestPort: number, stream: VsockStream) => boolean): void {
    this.#offer = offer;
    this.#accept();
  }

  pause(): void {
    this.#offer = undefined;
    this.#unwatch();
    for (const client of [...this.#clients]) this.#drop(client);
  }

  [Symbol.dispose](): void {
    this.pause();
    this.#listener[Symbol.dispose]();
  }

  #accept(): void {
    try {
      while (this.#offer && this.#clients.size < GREETING_MAX) {
        const socket = this.#listener.accept();
        if (!socket) break;
        this.#greet(socket);
      }
    } catch (error) {
      this.#complainOf(error);
      this.#unwatch();
      this.#cancelPause = this.#loop.after(PAUSE_MS, () => {
        this.#cancelPause = undefined;
        this.#accept();
      });
      return;
    }
    if (!this.#offer || this.#clients.size === GREETING_MAX) this.#unwatch();
    else this.#watch ??= this.#loop.watch(this.#listener.number, { readable: true }, () => this.#accept());
  }

  #unwatch(): void {
    this.#cancelPause?.();
    this.#cancelPause = undefined;
    this.#watch?.[Symbol.dispose]();
    this.#watch = undefined;
  }

  #greet(socket: UnixSocket): void {
    const watch = this.#loop.watch(socket.number, { readable: true }, () => this.#hear(client));
    const client: Client = { socket, [Symbol.dispose]: () => watch[Symbol.dispose]() };
    this.#clients.add(client);
    this.#greetings.add(client);
    this.#hear(client);
  }

  /** Takes no byte beyond the line: what follows is for the guest. */
  #hear(client: Client): void {
    const { socket } = client;
    const count = peekBytes(socket.number, this.#greeting);
    if (count === -EAGAIN) return;
    const said = String.fromCharCode(...this.#greeting.subarray(0, Math.max(count, 0)));
    const [line = '', port] = GREETING.exec(said) ?? [];
    const isWhole = said.includes('\n') || count <= 0 || count === GREETING_BYTES_MAX;
    if (line === '' && !isWhole) return;
    if (line === '' || Number(port) > PORT_MAX) {
      this.#drop(client);
      return;
    }
    receiveBytes(socket.number, this.#greeting.subarray(0, line.length));
    this.#forget(client);
    const stream = new SocketStream(socket, this.#loop, (hostPort) => `OK ${hostPort}\n`);
    if (!this.#offer?.(Number(port), stream)) stream[Symbol.dispose]();
  }

  #drop(client: Client): void {
    this.#forget(client);
    client.socket[Symbol.dispose]();
  }

  #forget(client: Client): void {
    client[Symbol.dispose]();
    this.#clients.delete(client);
    this.#greetings.delete(client);
    if (this.#clients.size === GREETING_MAX - 1) this.#loop.defer(() => this.#accept());
  }

  #complain(doing: string, errno: number): void {
    this.#report(`Cannot ${doing}: ${describeErrno(errno)}`);
  }

  #complainOf(error: unknown): void {
    if (!(error instanceof HostError)) throw error;
    this.#report(error.message);
  }

  #report(trouble: string): void {
    if (trouble === this.#lastTrouble) return;
    this.#lastTrouble = trouble;
    this.#log(trouble);
  }
}
