/** Waits for a back-end to connect to a socket of ours. One at a time is served; others wait in the backlog. */
import { ListeningSocket } from '../backends/listening-socket.ts';
import type { UnixSocket } from '../host/unix-socket.ts';
import type { User } from '../host/users.ts';
import type { IoLoop } from '../virtio/device.ts';
import type { Seeker, Source } from './source.ts';

export interface AcceptorOptions {
  /** Of the config, that names the path. */
  readonly keyPath: string;
  readonly loop: IoLoop;
  /** Who alone may connect; undefined for whoever can. */
  readonly user: User | undefined;
  log(message: string): void;
}

export class Acceptor implements Source {
  readonly name: string;
  readonly #loop: IoLoop;
  readonly #socket: ListeningSocket;
  readonly #options: AcceptorOptions;
  #search: Disposable | undefined;

  constructor(path: string, options: AcceptorOptions) {
    const { keyPath, loop, user } = options;
    this.name = `the back-end that connects to ${path}`;
    this.#options = options;
    this.#loop = loop;
    this.#socket = new ListeningSocket({ path, what: 'back-end socket', keyPath, owner: user });
  }

  seek({ found }: Seeker): void {
    this.cut();
    this.#search = this.#loop.watch(this.#socket.number, { readable: true }, () => {
      const socket = this.#socket.accept();
      if (socket === undefined || !this.#mayBe(socket)) return;
      this.cut();
      found(socket);
    });
  }

  /** Root may open every socket, so the path's owner alone says little about who has connected. */
  #mayBe(socket: UnixSocket): boolean {
    const { user, log } = this.#options;
    if (user === undefined) return true;
    const uid = socket.peer().uid;
    if (uid === user.uid) return true;
    socket[Symbol.dispose]();
    log(`${this.name}: user ${uid} has connected, and only user ${user.uid} may`);
    return false;
  }

  cut(): void {
    this.#search?.[Symbol.dispose]();
    this.#search = undefined;
  }

  [Symbol.dispose](): void {
    this.cut();
    this.#socket[Symbol.dispose]();
  }
}
