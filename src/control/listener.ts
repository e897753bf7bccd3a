/**
 * The control socket of a running VM: accepts clients and moves bytes between them and their ControlConnection. With our
 * own sockets, since loading node:net for it would cost more than all the rest of it (docs/measurements.md, "Start-up").
 */
import { EADDRINUSE } from '../abi/errno.ts';
import { ConfigError, HostError } from '../base/errors.ts';
import { KiB } from '../base/units.ts';
import type { Fd } from '../host/fd.ts';
import { pollReadable, pollWritable } from '../host/libc.ts';
import { duplicate } from '../host/poll.ts';
import { UnixSocket } from '../host/unix-socket.ts';
import { removeSocket } from './registry.ts';
import { CONNECTIONS_MAX, ControlConnection, type MachineControl } from './server.ts';

const READ_BYTES = 16 * KiB;
/** How long a client may take, at the end, to read what is still for it. */
const GOODBYE_MS = 500;

export class ControlListener {
  readonly path: string;
  readonly #socket: UnixSocket;
  readonly #stopListening: () => void;
  readonly #clients = new Set<Client>();
  #isClosed = false;
  /** Also for an exit that never gets to `close`. */
  readonly #remove = () => removeSocket(this.path);

  /** Listens on `path`, which claimSocket has made free; only its owner may connect. `bug` gets what is our own fault. */
  constructor(path: string, machine: MachineControl, bug: (error: unknown) => void) {
    this.path = path;
    this.#socket = listenOn(path);
    this.#stopListening = pollReadable(this.#socket.number, () => this.#accept(machine, bug));
    process.on('exit', this.#remove);
  }

  /** Says goodbye to every client, then closes. */
  async close(reason: string): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#stopListening();
    this.#socket[Symbol.dispose]();
    for (const client of this.#clients) client.drain(reason);
    const deadline = performance.now() + GOODBYE_MS;
    while (this.#clients.size > 0 && performance.now() < deadline) await new Promise(setImmediate);
    for (const client of this.#clients) client.close(reason);
    process.off('exit', this.#remove);
    this.#remove();
  }

  #accept(machine: MachineControl, bug: (error: unknown) => void): void {
    const socket = this.#socket.accept();
    if (!socket) return;
    if (this.#clients.size >= CONNECTIONS_MAX) {
      socket[Symbol.dispose]();
      return;
    }
    const client: Client = new Client(socket, machine, { bug, onClosed: () => this.#clients.delete(client) });
    this.#clients.add(client);
  }
}

function listenOn(path: string): UnixSocket {
  try {
    return UnixSocket.listen(path);
  } catch (error) {
    if (!(error instanceof HostError)) throw error;
    const remedy = error.errno === EADDRINUSE ? ': another VM has just taken this name: choose another' : '';
    throw new ConfigError(`${error.message}${remedy}`, { keyPath: 'control-socket' });
  }
}

/** One connection: its socket, what is watched of it, and the state machine that speaks. */
class Client {
  readonly #socket: UnixSocket;
  /** The event loop watches a descriptor for one purpose only. */
  readonly #writeEnd: Fd;
  readonly #connection: ControlConnection;
  readonly #onClosed: () => void;
  #inputEnded = false;
  #stopReading: (() => void) | undefined;
  #stopWriting: (() => void) | undefined;
  #isClosed = false;

  constructor(
    socket: UnixSocket,
    machine: MachineControl,
    world: { bug: (error: unknown) => void; onClosed: () => void },
  ) {
    this.#socket = socket;
    this.#writeEnd = duplicate(socket.number);
    this.#onClosed = world.onClosed;
    this.#connection = new ControlConnection(machine, { wake: () => this.#pump(), bug: world.bug });
    this.#pump();
  }

  drain(reason: string): void {
    this.#connection.drain(reason);
    this.#pump();
  }

  close(reason: string): void {
    this.#connection.close(reason);
    this.#pump();
  }

  /** Writes what can be written, then watches what the connection waits for. */
  #pump(): void {
    if (this.#isClosed) return;
    const isStalled = this.#write();
    if (this.#connection.closed !== undefined) {
      this.#end();
      return;
    }
    if (this.#connection.wantsRead && !this.#inputEnded) {
      this.#stopReading ??= pollReadable(this.#socket.number, () => this.#read());
    } else {
      this.#stopReading?.();
      this.#stopReading = undefined;
    }
    if (isStalled) this.#stopWriting ??= pollWritable(this.#writeEnd.number, () => this.#pump());
    else {
      this.#stopWriting?.();
      this.#stopWriting = undefined;
    }
  }

  /** Returns whether the client has to read before more can be written. */
  #write(): boolean {
    for (let bytes = this.#connection.pending(); bytes.length > 0; bytes = this.#connection.pending()) {
      const count = this.#attempt(() => this.#socket.trySend(bytes));
      if (!count) return count === 0;
      this.#connection.written(count);
    }
    return false;
  }

  #read(): void {
    const received = this.#attempt(() => this.#socket.receive(READ_BYTES, 0));
    if (received?.bytes.length === 0) {
      this.#inputEnded = true;
      this.#connection.endOfInput();
    } else if (received) this.#connection.receive(received.bytes);
    this.#pump();
  }

  /** A client that is gone is no error of the host. */
  #attempt<T>(action: () => T): T | undefined {
    try {
      return action();
    } catch (error) {
      if (!(error instanceof HostError)) throw error;
      this.#connection.close('the client is gone');
      return undefined;
    }
  }

  #end(): void {
    this.#isClosed = true;
    this.#stopReading?.();
    this.#stopWriting?.();
    this.#writeEnd[Symbol.dispose]();
    this.#socket[Symbol.dispose]();
    this.#onClosed();
  }
}
