/** What a check is, and what comes of it. */
import { HostError } from '../base/errors.ts';
import type { Bench } from './bench.ts';

export type Outcome = 'pass' | 'fail' | 'not-applicable' | 'skipped';

export interface Check {
  /** For programs: words with dashes. It stays the same from version to version. */
  readonly id: string;
  /** What a good back-end does. */
  readonly title: string;
  /** Returns what was seen, if it is of interest. Throws a `Failed`, a `Passed` over, or a HostError, which is a failure too. */
  run(bench: Bench): string | undefined;
}

export interface Verdict {
  readonly id: string;
  readonly title: string;
  readonly outcome: Outcome;
  readonly why: string;
  readonly ms: number;
}

/** A check has ended early. */
class Ended extends Error {
  readonly outcome: Outcome;

  constructor(outcome: Outcome, why: string) {
    super(why);
    this.outcome = outcome;
  }
}

export function fail(why: string): never {
  throw new Ended('fail', why);
}

/** The back-end does not offer what is checked here. */
export function notApplicable(why: string): never {
  throw new Ended('not-applicable', why);
}

export function skip(why: string): never {
  throw new Ended('skipped', why);
}

/** Never throws for what a back-end does: that is a verdict. */
export function judge(check: Check, bench: Bench): Verdict {
  const { id, title } = check;
  const beganMs = performance.now();
  const verdict = (outcome: Outcome, why: string): Verdict => {
    return { id, title, outcome, why, ms: Math.round(performance.now() - beganMs) };
  };
  if (bench.goneSince !== undefined) return verdict('skipped', bench.goneSince);
  try {
    const seen = check.run(bench) ?? '';
    const after = bench.recover();
    return verdict('pass', [seen, after].filter((text) => text !== '').join('; '));
  } catch (error) {
    if (error instanceof Ended) {
      if (error.outcome === 'fail') bench.recoverAnyhow(id);
      return verdict(error.outcome, error.message);
    }
    if (!(error instanceof HostError)) throw error;
    const why = bench.endText();
    bench.recoverAnyhow(id);
    return verdict('fail', why === '' ? error.message : `${error.message}; ${why}`);
  }
}
