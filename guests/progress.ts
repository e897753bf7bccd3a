/** Lines on stderr that say what a slow step does, how far it is and how long it has taken. */

/** On a terminal one line is rewritten; elsewhere (CI logs) a new line appears this often. */
const LINE_INTERVAL_MS = 15_000;
const REWRITE_INTERVAL_MS = 200;

export class Progress {
  readonly #what: string;
  readonly #startedMs = performance.now();
  readonly #isTerminal = process.stderr.isTTY === true;
  #printedMs = Number.NEGATIVE_INFINITY;

  constructor(what: string) {
    this.#what = what;
  }

  /** How far it is, in words: `41 of 167 MB`. */
  update(how: string): void {
    const now = performance.now();
    if (now - this.#printedMs < (this.#isTerminal ? REWRITE_INTERVAL_MS : LINE_INTERVAL_MS)) return;
    this.#printedMs = now;
    this.#print(`${how}, ${this.#elapsed()}`, !this.#isTerminal);
  }

  /** What came of it: `9.6 MB`. */
  done(result: string): void {
    this.#print(`${result}, took ${this.#elapsed()}`, true);
  }

  #elapsed(): string {
    const seconds = Math.round((performance.now() - this.#startedMs) / 1000);
    return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  }

  #print(text: string, ends: boolean): void {
    process.stderr.write(`${this.#isTerminal ? '\r\x1b[K' : ''}${this.#what}: ${text}${ends ? '\n' : ''}`);
  }
}

export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(bytes < 10e6 ? 1 : 0)} MB`;
}
