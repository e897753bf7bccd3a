/** inotify(7) on one folder: wakes whoever waits for a file that is to appear in it. Which file that is, they look themselves. */
import { IN_ATTRIB, IN_CLOEXEC, IN_CREATE, IN_MOVED_TO, IN_NONBLOCK, IN_ONLYDIR } from '../abi/libc.ts';
import { KiB } from '../base/units.ts';
import { check } from './errno.ts';
import { Fd } from './fd.ts';
import * as libc from './libc.ts';

/** Room for many events at once, the longest of which has 272 bytes. */
const READ_BYTES = 4 * KiB;

export class DirectoryWatch extends Fd {
  readonly #events = new Uint8Array(READ_BYTES);

  /** Readable once something in `path` appears, or may be used by others than before. */
  static on(path: string): DirectoryWatch {
    using owned = new DisposableStack();
    const doing = `watch the folder ${path}`;
    const watch = owned.use(new DirectoryWatch(check(libc.inotify_init1(IN_NONBLOCK | IN_CLOEXEC), doing)));
    const events = IN_CREATE | IN_MOVED_TO | IN_ATTRIB | IN_ONLYDIR;
    check(libc.inotify_add_watch(watch.number, path, events), doing);
    owned.move();
    return watch;
  }

  /** Takes notice of what has happened so far. */
  drain(): void {
    while (libc.read(this.number, this.#events, this.#events.length) > 0);
  }
}
