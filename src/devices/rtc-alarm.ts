/** The alarm of one clock (virtio 1.4, RTC Device, "Alarm Operation"). It expires each time the clock comes to its time, however often that is. */

/** What an alarm needs of its clock. */
export interface WatchedClock {
  now(): bigint;
  watch(at: bigint, reached: () => void): () => void;
}

/** An alarm at some moment. */
export interface AlarmState {
  readonly time: bigint;
  readonly isEnabled: boolean;
  /** It has expired, and the driver has not been told. */
  readonly hasExpired: boolean;
  /** It is enabled, and its clock has not come to its time. */
  readonly isAhead: boolean;
}

export class RtcAlarm {
  /** The driver has not been told yet. */
  hasExpired = false;
  readonly #clock: WatchedClock;
  readonly #onExpiry: () => void;
  #time = 0n;
  #isEnabled = false;
  #cancel: () => void = () => {};

  constructor(clock: WatchedClock, onExpiry: () => void) {
    this.#clock = clock;
    this.#onExpiry = onExpiry;
  }

  /** Nanoseconds since the clock's epoch. */
  get time(): bigint {
    return this.#time;
  }

  get isEnabled(): boolean {
    return this.#isEnabled;
  }

  /** An expiration of before is obsolete; a time that is not in the future expires at once. */
  set(time: bigint, isEnabled: boolean): void {
    this.#cancel();
    this.#cancel = () => {};
    this.hasExpired = false;
    this.#time = time;
    this.#isEnabled = isEnabled;
    if (!isEnabled) return;
    this.#cancel = this.#clock.watch(time, () => this.#expire());
    if (this.#clock.now() >= time) this.#expire();
  }

  get state(): AlarmState {
    const { time, isEnabled, hasExpired } = this;
    return { time, isEnabled, hasExpired, isAhead: isEnabled && this.#clock.now() < time };
  }

  /** As it was then: one whose time has come since expires now, one that had expired does not do so again. */
  restore({ time, isEnabled, hasExpired, isAhead }: AlarmState): void {
    this.set(time, false);
    this.#isEnabled = isEnabled;
    if (isEnabled) this.#cancel = this.#clock.watch(time, () => this.#expire());
    if (hasExpired || (isAhead && this.#clock.now() >= time)) this.#expire();
  }

  reset(): void {
    this.set(0n, false);
  }

  #expire(): void {
    this.hasExpired = true;
    this.#onExpiry();
  }
}
