/**
 * Node's event loop, for whatever else runs in the loop of an I/O thread: consoles are served by both. It has the shape of
 * `IoLoop` (virtio/device.ts), as far as they need it.
 */
import { pollFd } from './libc.ts';
import { after } from './timer.ts';

interface Events {
  readonly readable?: boolean;
  readonly writable?: boolean;
}

export const mainLoop = {
  /** Calls `ready` from the event loop whenever `fd` is ready for one of `events`, until the watch is disposed. */
  watch(fd: number, events: Events, ready: () => void) {
    let stop = pollFd(fd, events, ready);
    return {
      set(wanted: Events): void {
        stop();
        stop = pollFd(fd, wanted, ready);
      },
      [Symbol.dispose]: () => stop(),
    };
  },

  after,
};
