/** The power key: a button on a GPIO pin, which the guest's gpio-keys driver reports as KEY_POWER. */
import type { Pl061 } from './pl061.ts';

export interface Timer {
  /** Calls `fire` once after `delayMs`. Returns what cancels it. */
  after(delayMs: number, fire: () => void): () => void;
}

/** The pin that the device tree's gpio-keys node names, the one QEMU's virt machine uses. Active high. */
export const POWER_KEY_LINE = 3;
/** Long enough for gpio-keys' debouncing (5 ms unless the device tree says otherwise) on a slow, emulated CPU. */
const PRESS_MS = 100;

export class PowerKey {
  readonly #gpio: Pl061;
  readonly #timer: Timer;
  /** Defined while the key is down. */
  #cancelRelease: (() => void) | undefined;

  constructor(gpio: Pl061, timer: Timer) {
    this.#gpio = gpio;
    this.#timer = timer;
  }

  /** Down now, up after a moment. While the key is down, pressing it does nothing. */
  press(): void {
    if (this.#cancelRelease) return;
    this.#gpio.setInput(POWER_KEY_LINE, true);
    this.#cancelRelease = this.#timer.after(PRESS_MS, () => this.release());
  }

  /** Up at once: at the end of a press, when the guest reboots, when the machine ends. */
  release(): void {
    this.#cancelRelease?.();
    this.#cancelRelease = undefined;
    this.#gpio.setInput(POWER_KEY_LINE, false);
  }
}
