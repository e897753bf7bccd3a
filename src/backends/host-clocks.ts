/** The host's clocks for virtio-rtc: UTC without leap steps and with an alarm, TAI where the host knows it, and time since boot. */
import { CLOCK_BOOTTIME, CLOCK_REALTIME, CLOCK_TAI, TIME_DEL, TIME_INS, TIME_OOP } from '../abi/libc.ts';
import { VIRTIO_RTC_CLOCK_MONOTONIC, VIRTIO_RTC_CLOCK_TAI, VIRTIO_RTC_CLOCK_UTC_SMEARED } from '../abi/virtio-rtc.ts';
import { ConfigError } from '../base/errors.ts';
import { type Leap, smearLeap } from '../devices/leap-smear.ts';
import type { RtcClock } from '../devices/virtio-rtc.ts';
import { Alarm } from '../host/alarm.ts';
import { readClock, readUtc } from '../host/clock.ts';
import type { IoLoop } from '../virtio/device.ts';

/** The counter that the guest sees (CNTVCT_EL0), now; undefined while nobody can tell. */
export type GuestCounter = () => bigint | undefined;

export interface HostClockOptions {
  readonly monotonic: boolean;
  /** `auto`: where the host knows the difference to UTC. */
  readonly tai: 'auto' | 'on' | 'off';
  readonly keyPath: string;
}

/** Between the two readings of the counter lies the one of the clock: the narrowest of so many tries counts. */
const CROSS_TRIES = 3;
/** Beyond every time that the kernel's clock can show: the timer only tells when the clock is set. */
const NEVER = 2n ** 63n - 1n;
/** A clock that is smeared may come a little later than the timer; then it looks again after this. */
const LOOK_AGAIN = 1_000_000n;

export function hostClocks(
  loop: IoLoop,
  counter: GuestCounter | undefined,
  { monotonic, tai, keyPath }: HostClockOptions,
): readonly RtcClock[] {
  const clock = (type: number, now: () => bigint, timer?: number): RtcClock => ({
    type,
    now,
    ...(counter && { cross: () => cross(now, counter) }),
    ...(timer !== undefined && { watch: (at, reached) => watch(loop, { timer, now }, at, reached) }),
  });
  const clocks = [clock(VIRTIO_RTC_CLOCK_UTC_SMEARED, smearedUtc, CLOCK_REALTIME)];
  if (monotonic) clocks.push(clock(VIRTIO_RTC_CLOCK_MONOTONIC, () => readClock(CLOCK_BOOTTIME), CLOCK_BOOTTIME));
  const knowsTai = readUtc().taiOffset !== 0;
  if (tai === 'on' && !knowsTai) {
    const remedy = 'let its NTP daemon tell the kernel (chrony: leapsectz right/UTC), or set tai to auto';
    throw new ConfigError(`Cannot give the guest TAI: the host does not know how far it is from UTC: ${remedy}`, {
      keyPath,
    });
  }
  if (tai !== 'off' && knowsTai) clocks.push(clock(VIRTIO_RTC_CLOCK_TAI, () => readClock(CLOCK_TAI)));
  return clocks;
}

function smearedUtc(): bigint {
  const { utc, state } = readUtc();
  return smearLeap(utc, leapOf(state));
}

function leapOf(state: number | undefined): Leap {
  if (state === TIME_INS) return 'insert';
  if (state === TIME_OOP) return 'inserting';
  return state === TIME_DEL ? 'delete' : 'none';
}

function cross(now: () => bigint, counter: GuestCounter): { reading: bigint; cycles: bigint } | undefined {
  let best: { reading: bigint; cycles: bigint; width: bigint } | undefined;
  for (let tries = 0; tries < CROSS_TRIES; tries++) {
    const before = counter();
    const reading = now();
    const after = counter();
    if (before === undefined || after === undefined) return undefined;
    const width = after - before;
    if (best === undefined || width < best.width) best = { reading, cycles: before + width / 2n, width };
  }
  return best;
}

/** Whoever sets the host's clock wakes the timer too, so a step over `at` is seen as well as one back before it. */
function watch(
  loop: IoLoop,
  { timer, now }: { timer: number; now: () => bigint },
  at: bigint,
  reached: () => void,
): () => void {
  const alarm = new Alarm(timer);
  let isPast = now() >= at;
  const arm = () => alarm.set(isPast ? NEVER : later(at, readClock(timer)));
  /** When the timer's own clock will be about where `now()` is to be. */
  const later = (wanted: bigint, base: bigint) => base + max(wanted - now(), LOOK_AGAIN);
  const watching = loop.watch(alarm.fd.number, { readable: true }, () => {
    alarm.acknowledge();
    const wasPast = isPast;
    isPast = now() >= at;
    arm();
    if (isPast && !wasPast) reached();
  });
  arm();
  return () => {
    watching[Symbol.dispose]();
    alarm[Symbol.dispose]();
  };
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
