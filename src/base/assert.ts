/** Checks for our own mistakes. What a user, a guest or the host does wrong never arrives here. */

/** Throws when `condition` is false: a bug of ours, said in one sentence. */
export function assert(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(`Bug in orko-vmm: ${what}`);
}

/** Ends a `switch` over a union: the compiler proves that nothing reaches it. */
export function unreachable(value: never): never {
  throw new Error(`Bug in orko-vmm: unexpected ${JSON.stringify(value)}`);
}
