/** Numbers that look random and are the same for the same seed, so that what depends on them can be repeated. */

/** Returns integers, 0 … bound - 1. A linear congruential generator, constants of Numerical Recipes §7.1: for nothing secret. */
export function seededRandom(seed: number): (bound: number) => number {
  let state = seed >>> 0;
  return (bound) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * bound);
  };
}
