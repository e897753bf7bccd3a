/** Arm PL031 real-time clock (DDI 0224C): seconds since 1970 in 32 bits, and an interrupt at a chosen second. */
import { bit } from '../base/bits.ts';
import type { IrqLine } from '../bus/irq-line.ts';
import { PrimeCell } from './prime-cell.ts';

/** The host's wall clock. */
export interface Clock {
  /** Whole seconds since 1970-01-01 UTC. */
  nowSeconds(): number;
  /** Calls `fire` once when `nowSeconds()` has reached `atSeconds`, however far that is. Returns what cancels it. */
  alarm(atSeconds: number, fire: () => void): () => void;
}

/** Registers, §3.2 table 3-1. */
export const Reg = {
  DR: 0x000 /* RO: data, the seconds */,
  MR: 0x004 /* RW: match */,
  LR: 0x008 /* RW: load */,
  CR: 0x00c /* RW: control */,
  IMSC: 0x010 /* RW: interrupt mask */,
  RIS: 0x014 /* RO: raw interrupt status */,
  MIS: 0x018 /* RO: masked interrupt status */,
  ICR: 0x01c /* WO: interrupt clear */,
} as const;

/** The one interrupt, the same bit in IMSC, RIS, MIS and ICR, §3.3.5–8. */
export const RTCINTR = bit(0);
/** RTC start, §3.3.4. Reads 1 and cannot be cleared: the clock runs since before the guest, as firmware leaves it. */
export const CR_EN = bit(0);

/** Part 0x031, designer 0x41 (Arm), revision 0. */
const PERIPHERAL_ID = 0x0004_1031;
export class Pl031 extends PrimeCell {
  readonly name = 'pl031';
  readonly #clock: Clock;
  readonly #irq: IrqLine;
  /** What the guest's clock is ahead of the host's, modulo 2^32. */
  #offsetSeconds = 0;
  #cancelAlarm: () => void = () => {};

  constructor(clock: Clock, irq: IrqLine) {
    super(PERIPHERAL_ID, Object.values(Reg));
    this.#clock = clock;
    this.#irq = irq;
    this.set(Reg.CR, CR_EN);
  }

  /** Registers as after power-on; the time is the host's again, as if a battery had kept it. */
  reset(): void {
    this.#cancelAlarm();
    this.#cancelAlarm = () => {};
    this.#offsetSeconds = 0;
    this.set(Reg.MR, 0);
    this.set(Reg.LR, 0);
    this.set(Reg.IMSC, 0);
    this.set(Reg.RIS, 0);
    this.#interruptChanged();
  }

  /** Cancels what still waits, for a machine that ends. */
  [Symbol.dispose](): void {
    this.#cancelAlarm();
  }

  protected override readRegister(offset: number): number | undefined {
    return offset === Reg.DR ? this.#seconds() : super.readRegister(offset);
  }

  protected override writeRegister(offset: number, value: number): void {
    switch (offset) {
      case Reg.MR:
        this.set(Reg.MR, value);
        this.#armAlarm();
        break;
      case Reg.LR:
        this.set(Reg.LR, value);
        this.#offsetSeconds = modulo(value - this.#clock.nowSeconds());
        this.#armAlarm();
        break;
      case Reg.IMSC:
        this.set(Reg.IMSC, value & RTCINTR);
        this.#interruptChanged();
        break;
      case Reg.ICR:
        this.set(Reg.RIS, this.get(Reg.RIS) & ~value);
        this.#interruptChanged();
        break;
    }
  }

  #seconds(): number {
    return modulo(this.#clock.nowSeconds() + this.#offsetSeconds);
  }

  /** The interrupt comes when counter and match register are equal (§3.3.2), which may be now. */
  #armAlarm(): void {
    this.#cancelAlarm();
    this.#waitUntil(this.#clock.nowSeconds() + modulo(this.get(Reg.MR) - this.#seconds()));
  }

  #waitUntil(atSeconds: number): void {
    if (this.#clock.nowSeconds() >= atSeconds) {
      this.set(Reg.RIS, RTCINTR);
      this.#interruptChanged();
      return;
    }
    // The host's clock may be set back in the meantime, so the alarm looks again.
    this.#cancelAlarm = this.#clock.alarm(atSeconds, () => this.#waitUntil(atSeconds));
  }

  #interruptChanged(): void {
    const status = this.get(Reg.RIS) & this.get(Reg.IMSC);
    this.set(Reg.MIS, status);
    if (status !== 0) this.#irq.raise();
    else this.#irq.lower();
  }
}

/** The counter has 32 bits. */
function modulo(seconds: number): number {
  return seconds >>> 0;
}
