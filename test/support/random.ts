/** Random numbers for property tests: from a seed that is printed with a failure, so that it can be repeated. */

import { seededRandom } from '../../src/base/seeded-random.ts';

export interface Random {
  /** For the message of an assertion. */
  readonly seed: number;
  /** An integer, 0 … bound - 1. */
  below(bound: number): number;
  pick<T>(values: readonly T[]): T;
}

/** `ORKO_TEST_SEED=n` repeats one run. */
export function random(seed = Number(process.env['ORKO_TEST_SEED'] ?? Date.now() % 2 ** 31)): Random {
  const below = seededRandom(seed);
  return { seed, below, pick: (values) => values[below(values.length)]! };
}
