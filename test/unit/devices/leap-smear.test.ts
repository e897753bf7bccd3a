import { describe, expect, test } from 'vitest';
import { type Leap, smearLeap } from '../../../src/devices/leap-smear.ts';

const SECOND = 1_000_000_000n;
const DAY = 86_400n * SECOND;
/** The end of 2016, when there was one. */
const MIDNIGHT = 1_483_228_800n * SECOND;

/** A clock that steps, as a kernel shows it: `elapsed` of the last day → its time and its state. */
function stepping(elapsed: bigint, leap: 'insert' | 'delete'): [bigint, Leap] {
  const start = MIDNIGHT - DAY;
  if (leap === 'delete') {
    return elapsed < DAY - SECOND ? [start + elapsed, 'delete'] : [start + elapsed + SECOND, 'none'];
  }
  if (elapsed < DAY) return [start + elapsed, 'insert'];
  return elapsed < DAY + SECOND ? [start + elapsed - SECOND, 'inserting'] : [start + elapsed - SECOND, 'none'];
}

describe('smearLeap', () => {
  test('nothing to smear: the same time', () => {
    expect(smearLeap(MIDNIGHT - 1n, 'none')).toBe(MIDNIGHT - 1n);
  });

  test('until 1000 seconds before the end of the day nothing happens', () => {
    const start = MIDNIGHT - 999n * SECOND;
    expect(smearLeap(start - 1n, 'insert')).toBe(start - 1n);
    expect(smearLeap(start, 'insert')).toBe(start);
    expect(smearLeap(start + 1000n, 'insert')).toBe(start + 999n);
    expect(smearLeap(MIDNIGHT - 1002n * SECOND, 'delete')).toBe(MIDNIGHT - 1002n * SECOND);
  });

  test.each(['insert', 'delete'] as const)('%s: never goes back, and its rate is off by 0.1 %% at most', (leap) => {
    const end = leap === 'insert' ? DAY + SECOND : DAY - SECOND;
    const step = SECOND / 4n;
    let last: bigint | undefined;
    for (let elapsed = end - 1010n * SECOND; elapsed < end + 10n * SECOND; elapsed += step) {
      const [utc, state] = stepping(elapsed, leap);
      const smeared = smearLeap(utc, state);
      if (last !== undefined) {
        const rate = Number(smeared - last) / Number(step);
        expect(Math.abs(rate - 1), `${elapsed}`).toBeLessThanOrEqual(0.001_000_001);
        expect(smeared - last, `${elapsed}`).toBeGreaterThan(0n);
      }
      last = smeared;
    }
  });

  test.each(['insert', 'delete'] as const)('%s: at midnight it shows midnight', (leap) => {
    const end = leap === 'insert' ? DAY + SECOND : DAY - SECOND;
    const [before, state] = stepping(end - 1000n, leap);
    expect(Number(MIDNIGHT - smearLeap(before, state))).toBeCloseTo(1000, -1);
    expect(smearLeap(...stepping(end, leap))).toBe(MIDNIGHT);
  });
});
