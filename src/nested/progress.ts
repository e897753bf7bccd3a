/** Progress of the slow steps of the set-up: lines on stderr that say what, how far it is, how much and how long. */

/** On a terminal one line is rewritten; elsewhere (CI logs) a new line appears this often. */
const LINE_INTERVAL_MS = 15_000;
const REWRITE_INTERVAL_MS = 200;
const TICK_MS = 1_000;

/** Where progress lines go; quiet users pass a sink that drops them. */
export type ProgressSink = (line: string) => void;

export const toStderr: ProgressSink = (line) => {
  process.stderr.write(`orko-vmm: ${line}\n`);
};

/** Runs one slow step. `work` may return a few words on how much was done ("412 MB"). */
export async function step<Result>(
  sink: ProgressSink,
  what: string,
  work: () => Promise<Result>,
  howMuch: (result: Result) => string = () => '',
): Promise<Result> {
  const start = performance.now();
  const ticker = sink === toStderr && process.stderr.isTTY ? tick(what, start) : undefined;
  if (!ticker) sink(`${what} …`);
  const still = ticker ? undefined : setInterval(() => sink(`${what} … ${seconds(start)}`), LINE_INTERVAL_MS);
  try {
    const result = await work();
    ticker?.clear();
    const amount = howMuch(result);
    sink(`${what}: ${amount ? `${amount}, ` : ''}${seconds(start)}`);
    return result;
  } finally {
    clearInterval(still);
    ticker?.clear();
  }
}

function tick(what: string, start: number): { clear(): void } {
  const draw = () => process.stderr.write(`\r\x1b[Korko-vmm: ${what} … ${seconds(start)}`);
  draw();
  const timer = setInterval(draw, TICK_MS);
  let open = true;
  return {
    clear: () => {
      clearInterval(timer);
      if (open) process.stderr.write('\r\x1b[K');
      open = false;
    },
  };
}

function seconds(start: number): string {
  return `${((performance.now() - start) / 1000).toFixed(1)} s`;
}

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
