/** Waits for a back-end to connect to a socket of ours. One at a time is served; others wait in the backlog. */
import { ListeningSocket } from '../backends/listening-socket.ts';
import type { IoLoop } from '../virtio/device.ts';
import type { Seeker, Source } from './source.ts';

export class Acceptor implements Source {
  readonly name: string;
  readonly #loop: IoLoop;
  readonly #socket: ListeningSocket;
  #search: Disposable | undefined;

  /** `keyPath`: of the config, that names `path`. */
  constructor(path: string, keyPath: string, loop: IoLoop) {
    this.name = `the back-end that connects to ${path}`;
    this.#loop = loop;
    this.#socket = new ListeningSocket({ path, what: 'back-end socket', keyPath });
  }

  seek({ found }: Seeker): void {
    this.cut();
    this.#search = this.#loop.watch(this.#socket.number, { readable: true }, () => {
      const socket = this.#socket.accept();
      if (socket === undefined) return;
      this.cut();
      found(socket);
    });
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
