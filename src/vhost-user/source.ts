/** Where the connections to a back-end come from, one after the other. */
import type { UnixSocket } from '../host/unix-socket.ts';

export interface Source extends Disposable {
  /** In messages: "the back-end at /run/i2c.sock0". */
  readonly name: string;
  /** Looks for a connection until there is one, at once or later. Ends a search that is under way. */
  seek(seeker: Seeker): void;
  /** The last connection is no longer ours: whoever held its other end shall not go on. */
  cut(): void;
}

export interface Seeker {
  /** Owns the socket from now on. */
  found(socket: UnixSocket): void;
  /** There is none, for a reason that will not go away by itself; the search goes on all the same. */
  stuck(reason: string): void;
}
