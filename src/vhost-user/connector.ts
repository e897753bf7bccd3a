/**
 * Connects to a back-end that listens at a path, now or once it does: the folder of the path says when something appears
 * there. Only what is there and does not accept yet is tried again by the clock.
 */
import { dirname } from 'node:path';
import { EACCES, EAGAIN, ECONNREFUSED, EINTR, ENOENT, EPROTOTYPE } from '../abi/errno.ts';
import { HostError } from '../base/errors.ts';
import { DirectoryWatch } from '../host/directory-watch.ts';
import { describeErrno } from '../host/errno.ts';
import { UnixSocket } from '../host/unix-socket.ts';
import type { User } from '../host/users.ts';
import type { IoLoop } from '../virtio/device.ts';
import type { Seeker, Source } from './source.ts';

/** Between bind(2) and listen(2) a socket is there and refuses; what a crash has left behind does so for good. */
const AGAIN_MS_MIN = 10;
const AGAIN_MS_MAX = 1_000;
const REASONS: Readonly<Record<number, string>> = {
  [EACCES]: 'change its permissions, or those of its folder',
  [EPROTOTYPE]: 'name a stream socket',
};

export class Connector implements Source {
  readonly name: string;
  readonly #paths: readonly string[];
  readonly #loop: IoLoop;
  readonly #user: User | undefined;
  #search: DisposableStack | undefined;

  /** `others`: where it may listen instead, in the same folder. `user`: whose alone it may be. */
  constructor(path: string, loop: IoLoop, others: readonly string[] = [], user?: User) {
    this.name = `the back-end at ${path}`;
    this.#paths = [path, ...others];
    this.#loop = loop;
    this.#user = user;
  }

  get isSeeking(): boolean {
    return this.#search !== undefined;
  }

  seek(seeker: Seeker): void {
    this.cut();
    const search = new DisposableStack();
    this.#search = search;
    let againMs = AGAIN_MS_MIN;
    let cancelTimer = () => {};
    const attempt = () => {
      if (this.#search !== search) return;
      cancelTimer();
      const result = connectToOne(this.#paths);
      if (result instanceof UnixSocket) {
        const uid = this.#user && result.peer().uid;
        if (uid === this.#user?.uid) {
          this.cut();
          seeker.found(result);
          return;
        }
        result[Symbol.dispose]();
        seeker.stuck(`user ${uid} listens there, and only user ${this.#user!.uid} may`);
        if (this.#search === search) cancelTimer = this.#loop.after(AGAIN_MS_MAX, attempt);
        return;
      }
      if (result === ENOENT) return;
      const again = result === ECONNREFUSED || result === EAGAIN || result === EINTR;
      if (!again) seeker.stuck(reasonOf(result));
      if (this.#search !== search) return;
      againMs = Math.min(2 * againMs, AGAIN_MS_MAX);
      cancelTimer = this.#loop.after(again ? againMs : AGAIN_MS_MAX, attempt);
    };
    search.defer(() => cancelTimer());
    // Watched first: what appears in between is not missed.
    try {
      const watch = search.use(DirectoryWatch.on(dirname(this.#paths[0]!)));
      search.use(
        this.#loop.watch(watch.number, { readable: true }, () => {
          watch.drain();
          againMs = AGAIN_MS_MIN;
          attempt();
        }),
      );
    } catch (error) {
      if (!(error instanceof HostError)) throw error;
      seeker.stuck(error.message);
    }
    attempt();
  }

  /** A process that we did not start goes on; it has nothing of ours but what it keeps on purpose. */
  cut(): void {
    this.#search?.dispose();
    this.#search = undefined;
  }

  [Symbol.dispose](): void {
    this.cut();
  }
}

/** A connection, or why there is none at the first path where something is. */
function connectToOne(paths: readonly string[]): UnixSocket | number {
  let why = ENOENT;
  for (const path of paths) {
    const result = UnixSocket.connectNow(path);
    if (result instanceof UnixSocket) return result;
    if (why === ENOENT) why = result;
  }
  return why;
}

function reasonOf(errno: number): string {
  const remedy = REASONS[errno];
  return `${describeErrno(errno)}${remedy ? `: ${remedy}` : ''}`;
}
