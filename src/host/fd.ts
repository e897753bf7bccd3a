/** File descriptors with an owner: whoever holds an `Fd` closes it, by `using` or through a DisposableStack. */
import { O_CLOEXEC } from '../abi/libc.ts';
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

  [Symbol.dispose](): void {
    if (!this.#open) return;
    this.#open = false;
    libc.close(this.number);
  }
}
