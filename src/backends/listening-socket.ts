/**
 * A Unix socket of ours at a path that the config names. One that a program left there when it crashed is replaced; one on
 * which somebody listens, or a file, is left alone. The path is free again at the end.
 */
import { lchownSync, lstatSync, unlinkSync } from 'node:fs';
import { EADDRINUSE, ECONNREFUSED } from '../abi/errno.ts';
import { ConfigError, HostError } from '../base/errors.ts';
import { UnixSocket } from '../host/unix-socket.ts';

/** Whether something listens at a path is known at once, or it is so busy that it lives. */
const PROBE_MS = 100;

export interface ListeningSocketOptions {
  readonly path: string;
  /** In messages: "console socket". */
  readonly what: string;
  /** Of the config, that names the path. */
  readonly keyPath: string;
  /** Who may connect beside us: its user and group. */
  readonly owner?: { readonly uid: number; readonly gid: number } | undefined;
  /** How many may wait to be accepted. */
  readonly backlog?: number;
}

export class ListeningSocket implements Disposable {
  readonly #resources = new DisposableStack();
  readonly #socket: UnixSocket;

  constructor(options: ListeningSocketOptions) {
    const { path } = options;
    this.#socket = this.#resources.use(listen(options));
    const remove = () => removeSocket(path);
    if (options.owner) lchownSync(path, options.owner.uid, options.owner.gid);
    // Also for an exit that disposes of nothing.
    process.on('exit', remove);
    this.#resources.defer(() => {
      process.off('exit', remove);
      remove();
    });
  }

  /** Readable when somebody has connected. */
  get number(): number {
    return this.#socket.number;
  }

  /** The next one who has connected; undefined when there is none. */
  accept(): UnixSocket | undefined {
    return this.#socket.accept();
  }

  [Symbol.dispose](): void {
    this.#resources[Symbol.dispose]();
  }
}

function listen({ path, what, keyPath, backlog }: ListeningSocketOptions): UnixSocket {
  try {
    return UnixSocket.listen(path, backlog);
  } catch (error) {
    if (!(error instanceof HostError && error.errno === EADDRINUSE)) throw error;
  }
  const refuse = (why: string) => {
    throw new ConfigError(`Cannot make the ${what} ${path}: ${why}, or choose another path`, { keyPath });
  };
  if (!lstatSync(path).isSocket()) refuse('a file lies there that is not a socket: remove it');
  if (isListenedTo(path)) refuse('another program listens on it: end that');
  removeSocket(path);
  return UnixSocket.listen(path, backlog);
}

function isListenedTo(path: string): boolean {
  try {
    UnixSocket.connect(path, PROBE_MS)[Symbol.dispose]();
    return true;
  } catch (error) {
    return !(error instanceof HostError && error.errno === ECONNREFUSED);
  }
}

function removeSocket(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Somebody else removed it: all the same.
  }
}
