/**
 * Writes to the UART's data register, collected by KVM in batches. Nobody tells us when one is stored, so they are fetched
 * at every exit and, while the guest prints, by a timer: soon at first, so that a prompt is quick, and then less and less
 * often, since each look is an exit. When the guest has not printed for a while collecting stops: the next character
 * exits, is printed at once, and starts it again. So a quiet guest costs nothing at all.
 */
import type { AddressRange } from '../base/range.ts';
import type { KickTimer } from '../host/timer.ts';
import type { CoalescedRing } from '../kvm/coalesced-mmio.ts';
import type { Vm } from '../kvm/vm.ts';

/** A character is on the console at most so much after the guest wrote it: the first ones, and all later ones. */
const DRAIN_FIRST_MS = 5;
const DRAIN_LAST_MS = 40;
/** So many kicks without a character, one after the other, and collecting goes on; one more, and it stops. */
const IDLE_TICKS_MAX = 3;

/** Who gets the characters: a batch of them, then `flush`. */
export interface CollectedWrites {
  writeData(value: number): void;
  flush(): void;
}

export class Coalescing {
  readonly #range: AddressRange;
  readonly #timer: KickTimer;
  readonly #uart: CollectedWrites;
  readonly #write: (address: number, size: number, value: number) => void;
  #vm: Vm | undefined;
  #ring: CoalescedRing | undefined;
  /** KVM collects, the timer ticks. */
  #isActive = false;
  #idleTicks = 0;
  /** Between two kicks. */
  #drainMs = DRAIN_FIRST_MS;
  /** Something was fetched since the last kick. */
  #hasPrinted = false;

  constructor(range: AddressRange, timer: KickTimer, uart: CollectedWrites) {
    this.#range = range;
    this.#timer = timer;
    this.#uart = uart;
    this.#write = (_address, _size, value) => uart.writeData(value);
  }

  attach(vm: Vm, ring: CoalescedRing): void {
    this.#vm = vm;
    this.#ring = ring;
  }

  /** The VM is about to go: what it stored is handed on first. */
  detach(): void {
    this.#end();
    this.#vm = undefined;
    this.#ring = undefined;
  }

  /** Hands on what KVM has stored. */
  drain(): void {
    if (!this.#isActive || !this.#ring || this.#ring.drain(this.#write) === 0) return;
    this.#hasPrinted = true;
    this.#uart.flush();
  }

  /** A write exited: the guest begins to print. */
  begin(): void {
    if (this.#isActive) return;
    this.#isActive = true;
    this.#idleTicks = 0;
    this.#hasPrinted = false;
    this.#vm?.registerCoalescedMmio(this.#range);
    this.#lookEvery(DRAIN_FIRST_MS);
  }

  /** After a kick, which may have been the timer's. */
  tick(): void {
    if (!this.#isActive) return;
    if (this.#hasPrinted) {
      this.#hasPrinted = false;
      this.#idleTicks = 0;
    } else if (++this.#idleTicks > IDLE_TICKS_MAX) {
      this.#vm?.unregisterCoalescedMmio(this.#range);
      this.#end();
      return;
    }
    if (this.#drainMs < DRAIN_LAST_MS) this.#lookEvery(2 * this.#drainMs);
  }

  #lookEvery(milliseconds: number): void {
    this.#drainMs = milliseconds;
    this.#timer.start(milliseconds);
  }

  #end(): void {
    this.drain();
    this.#isActive = false;
    this.#timer.stop();
  }
}
