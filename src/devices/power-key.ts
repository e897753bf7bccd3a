/** The power key: a button on a GPIO pin, which the guest's gpio-keys driver reports as KEY_POWER. */
import type { Pl061 } from './pl061.ts';

export interface Timer {
  /** Calls `fire` once after `delayMs`. Returns what cancels it. */
  after(delayMs: number, fire: () => void): () => void;
}

/** The pin that the device tree's gpio-keys node names, the one QEMU's virt machine uses. Active high. */
export const POWER_KEY_LINE = 3;
/**
 * gpio-keys looks at the pin again after debouncing (5 ms unless the device tree says otherwise), and a press that is over
 * by then is lost. A guest whose CPUs are emulated on a busy machine comes to it late; a long press begins at 5 s (logind).
 */
const PRESS_MS = 1_000;

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
