/** File descriptors with an owner: whoever holds an `Fd` closes it, by `using` or through a DisposableStack. */
import { F_GETFL, F_SETFL, O_CLOEXEC, O_NONBLOCK } from '../abi/libc.ts';
import { check, type Remedies } from './errno.ts';
import * as libc from './libc.ts';

export class Fd implements Disposable {
  readonly number: number;
  #open = true;

  constructor(number: number) {
    this.number = number;
  }

  /** Opens `path`; O_CLOEXEC is added. `doing` says in an error what the file was wanted for. */
  static open(path: string, flags: number, doing = `open ${path}`, remedies?: Remedies): Fd {
    return new Fd(check(libc.open(path, flags | O_CLOEXEC, 0o600), doing, remedies));
  }

  /** Whether reads and writes wait. Whoever has a duplicate of it shares this. */
  setBlocking(isBlocking: boolean): void {
    const doing = `use file descriptor ${this.number}`;
    const flags = check(libc.fcntl(this.number, F_GETFL, 0), doing);
    check(libc.fcntl(this.number, F_SETFL, isBlocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK), doing);
  }

  [Symbol.dispose](): void {
    if (!this.#open) return;
    this.#open = false;
    libc.close(this.number);
  }
}
