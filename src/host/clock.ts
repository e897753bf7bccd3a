/** The host's clocks in nanoseconds, and what only the kernel knows of UTC: leap seconds and TAI. */
import { CLOCK_REALTIME, STA_NANO, timespec, timex } from '../abi/libc.ts';
import { pack, unpack } from '../base/layout.ts';
import { check } from './errno.ts';
import { koffi } from './koffi.ts';

const library = koffi.load(null);
const clock_gettime = library.func('int clock_gettime(int clock, void *time)') as unknown as (
  clock: number,
  time: BigInt64Array,
) => number;
const adjtimex = library.func('int adjtimex(void *parameters)') as unknown as (parameters: Uint8Array) => number;

const SECOND = 1_000_000_000n;
const MICROSECOND = 1000n;
/** struct timespec: two words. */
const now = new BigInt64Array(timespec.size / BigInt64Array.BYTES_PER_ELEMENT);

/** A CLOCK_* of clock_gettime(2). */
export function readClock(clock: number): bigint {
  check(clock_gettime(clock, now), 'read a clock');
  return now[0]! * SECOND + now[1]!;
}

export interface UtcReading {
  readonly utc: bigint;
  /** TIME_*: whether a leap second is coming, there, or neither. Undefined where we may not ask. */
  readonly state: number | undefined;
  /** TAI − UTC in seconds; 0 when nobody told the kernel. */
  readonly taiOffset: number;
}

/** UTC together with its state, at one moment. Containers often allow only the time itself. */
export function readUtc(): UtcReading {
  const parameters = pack(timex, { modes: 0 });
  const state = adjtimex(parameters);
  if (state === -1) return { utc: readClock(CLOCK_REALTIME), state: undefined, taiOffset: 0 };
  const { status, tai, 'time.tv_sec': seconds, 'time.tv_usec': fraction } = unpack(timex, parameters);
  const nanoseconds = (status & STA_NANO) !== 0 ? fraction : fraction * MICROSECOND;
  return { utc: seconds * SECOND + nanoseconds, state, taiOffset: tai };
}

/**
 * Reads the host's virtual counter (CNTVCT_EL0), by OpenSSL's function for it, which the node binary exports. Undefined
 * where there is none.
 */
export function counterReader(): (() => bigint) | undefined {
  try {
    const read = library.func('uint64_t _armv7_tick()') as unknown as () => number | bigint;
    return () => BigInt(read());
  } catch {
    return undefined;
  }
}
