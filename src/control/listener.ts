/** The control socket of a running VM: accepts connections and moves bytes between them and their ControlConnection. */
import { chmodSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { ConfigError } from '../base/errors.ts';
import { removeSocket } from './registry.ts';
import { CONNECTIONS_MAX, ControlConnection, type MachineControl } from './server.ts';

/** Only its owner may speak to a VM. */
const SOCKET_MODE = 0o600;
/** How long a client may take, at the end, to read what is still for it. */
const GOODBYE_MS = 500;

export class ControlListener {
  readonly path: string;
  readonly #server: Server;
  readonly #machine: MachineControl;
  readonly #bug: (error: unknown) => void;
  readonly #open = new Map<Socket, ControlConnection>();
  /** Also for an exit that never gets to `close`. */
  readonly #remove = () => removeSocket(this.path);

  private constructor(path: string, machine: MachineControl, bug: (error: unknown) => void) {
    this.path = path;
    this.#machine = machine;
    this.#bug = bug;
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
    this.#server.maxConnections = CONNECTIONS_MAX;
  }

  /** Listens on `path`, which claimSocket has made free. `bug` gets what is nobody's fault but ours. */
  static async listen(path: string, machine: MachineControl, bug: (error: unknown) => void): Promise<ControlListener> {
    const listener = new ControlListener(path, machine, bug);
    const umask = process.umask(0o777 & ~SOCKET_MODE);
    try {
      await new Promise<void>((resolve, reject) => {
        listener.#server.once('error', reject);
        listener.#server.listen(path, resolve);
      });
    } catch (error) {
      throw new ConfigError(`Cannot listen on the control socket ${path}: ${(error as Error).message}`, {
        keyPath: 'control-socket',
      });
    } finally {
      process.umask(umask);
    }
    chmodSync(path, SOCKET_MODE);
    process.on('exit', listener.#remove);
    return listener;
  }

  /** Says goodbye to every client, then closes. */
  async close(reason: string): Promise<void> {
    this.#server.close();
    for (const connection of this.#open.values()) connection.drain(reason);
    for (const [socket, connection] of this.#open) this.#pump(socket, connection);
    const deadline = performance.now() + GOODBYE_MS;
    while (this.#open.size > 0 && performance.now() < deadline) await new Promise(setImmediate);
    for (const socket of this.#open.keys()) socket.destroy();
    process.off('exit', this.#remove);
    this.#remove();
  }

  #accept(socket: Socket): void {
    const connection: ControlConnection = new ControlConnection(this.#machine, {
      wake: () => this.#pump(socket, connection),
      bug: this.#bug,
    });
    this.#open.set(socket, connection);
    socket.on('data', (bytes) => {
      connection.receive(bytes);
      this.#pump(socket, connection);
    });
    socket.on('end', () => {
      connection.endOfInput();
      this.#pump(socket, connection);
    });
    socket.on('error', () => connection.close('the client is gone'));
    socket.on('close', () => {
      connection.close('the client has left');
      this.#open.delete(socket);
    });
  }

  /** Writes what is pending, one piece at a time, so that a client that does not read is seen by its connection. */
  #pump(socket: Socket, connection: ControlConnection): void {
    if (connection.wantsRead) socket.resume();
    else socket.pause();
    if (connection.closed !== undefined) {
      socket.destroySoon();
      return;
    }
    const bytes = connection.pending();
    if (bytes.length === 0 || socket.writableLength > 0) return;
    socket.write(bytes, (error) => {
      if (error) return;
      connection.written(bytes.length);
      this.#pump(socket, connection);
    });
  }
}
