/** The conformance run: every check, one after the other, each with a verdict. */
import { Bench } from './bench.ts';
import { CHAIN_CHECKS } from './checks/chains.ts';
import { LIFE } from './checks/life.ts';
import { MESSAGE_CHECKS } from './checks/messages.ts';
import { NEGOTIATION, REFUSALS } from './checks/negotiation.ts';
import { COMINGS, ORDER_CHECKS } from './checks/order.ts';
import { STATE, STATE_REFUSALS } from './checks/state.ts';
import type { Facts } from './inspect.ts';
import type { Target } from './target.ts';
import { type Check, judge, type Verdict } from './verdict.ts';

/** The kind ones first: what they need is not in doubt then, and a back-end that ends when it is provoked has had them. */
export const CHECKS: readonly Check[] = [
  ...NEGOTIATION,
  ...LIFE,
  ...STATE,
  ...COMINGS,
  ...REFUSALS,
  ...STATE_REFUSALS,
  ...ORDER_CHECKS,
  ...MESSAGE_CHECKS,
  ...CHAIN_CHECKS,
];

/** `tell` gets each verdict when it is there. */
export function checkBackEnd(
  target: Target,
  facts: Facts,
  timeoutMs: number,
  tell: (verdict: Verdict) => void,
  checks = CHECKS,
): readonly Verdict[] {
  const bench = new Bench(target, facts, timeoutMs);
  bench.expectNext();
  return checks.map((check) => {
    const verdict = judge(check, bench);
    tell(verdict);
    return verdict;
  });
}
