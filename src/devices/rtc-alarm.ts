/** The alarm of one clock (virtio 1.4, RTC Device, "Alarm Operation"). It expires each time the clock comes to its time, however often that is. */

/** What an alarm needs of its clock. */
export interface WatchedClock {
  now(): bigint;
  watch(at: bigint, reached: () => void): () => void;
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

  reset(): void {
    this.set(0n, false);
  }

  #expire(): void {
    this.hasExpired = true;
    this.#onExpiry();
  }
}
