/** Messages about what may happen over and over: the first few are said, the last of those with a word that it is the last. */
export class FewTimes {
  readonly #max: number;
  readonly #log: (message: string) => void;
  readonly #last: string;
  #count = 0;

  /** `last` is put behind message number `max`. */
  constructor(max: number, log: (message: string) => void, last = '; the next time it is not said') {
    this.#max = max;
    this.#log = log;
    this.#last = last;
  }

  say(message: string): void {
    if (++this.#count > this.#max) return;
    this.#log(this.#count === this.#max ? `${message}${this.#last}` : message);
  }
}
