/**
 * UTC without a step at a leap second: in the last 1000 seconds of such a day the clock is slower, or faster, by 0.1 %
 * (UTC-SLS; VIRTIO_RTC_SMEAR_UTC_SLS of virtio 1.4).
 */

/** What the end of this day brings, or brings right now: `inserting` is the second 23:59:60 itself. */
export type Leap = 'none' | 'insert' | 'inserting' | 'delete';

const SECOND = 1_000_000_000n;
const DAY = 86_400n * SECOND;
const SMEARED = 1000n * SECOND;

/** Nanoseconds since 1970 by a clock that steps (which shows 23:59:59 twice) → by one that does not. */
export function smearLeap(utc: bigint, leap: Leap): bigint {
  if (leap === 'none') return utc;
  // While the second is inserted, the clock that steps has gone back by one.
  const elapsed = (utc % DAY) + (leap === 'inserting' ? SECOND : 0n);
  const start = DAY - SMEARED + (leap === 'delete' ? -SECOND : SECOND);
  if (elapsed < start) return utc;
  const rate = leap === 'delete' ? 1001n : 999n;
  return utc - (utc % DAY) + start + ((elapsed - start) * rate) / 1000n;
}
