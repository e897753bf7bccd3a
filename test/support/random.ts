/** Random numbers for property tests: from a seed that is printed with a failure, so that it can be repeated. */

export interface Random {
  /** For the message of an assertion. */
  readonly seed: number;
  /** An integer, 0 … bound - 1. */
  below(bound: number): number;
  pick<T>(values: readonly T[]): T;
}

/** `ORKO_TEST_SEED=n` repeats one run. */
export function random(seed = Number(process.env['ORKO_TEST_SEED'] ?? Date.now() % 2 ** 31)): Random {
  let state = seed >>> 0;
  // A linear congruential generator, constants of Numerical Recipes §7.1: good enough to choose inputs.
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const below = (bound: number) => Math.floor(next() * bound);
  return { seed, below, pick: (values) => values[below(values.length)]! };
}
