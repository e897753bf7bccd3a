/** Progress of the slow steps of the set-up: one line each on stderr that says what, how much and how long. */

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
  try {
    const result = await work();
    ticker?.clear();
    const amount = howMuch(result);
    sink(`${what}: ${amount ? `${amount}, ` : ''}${seconds(start)}`);
    return result;
  } finally {
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
