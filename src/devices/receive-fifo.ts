/** The PL011's receive FIFO (DDI 0183G §2.4.3): characters with their error bits, and what becomes of one too many. */
import { bit } from '../base/bits.ts';

export const FIFO_ENTRIES = 16;
/** Overrun indicator of an entry, as DR shows it (§3.3.1). */
const OE = bit(11);

export class ReceiveFifo {
  readonly #entries = new Uint16Array(FIFO_ENTRIES);
  /** Of the oldest entry. */
  #head = 0;
  #count = 0;
  #lost = false;
  /** Entries in use: `FIFO_ENTRIES`, or 1, the holding register, while the FIFOs are disabled. */
  depth = 1;

  get count(): number {
    return this.#count;
  }

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  get isFull(): boolean {
    return this.#count >= this.depth;
  }

  /** False, and an overrun, when there is no room. The next character that finds some carries the overrun bit. */
  push(value: number): boolean {
    if (this.isFull) {
      this.#lost = true;
      return false;
    }
    this.#entries[(this.#head + this.#count++) % FIFO_ENTRIES] = this.#lost ? value | OE : value;
    this.#lost = false;
    return true;
  }

  /** The oldest entry; there must be one. */
  pop(): number {
    const value = this.#entries[this.#head]!;
    this.#head = (this.#head + 1) % FIFO_ENTRIES;
    this.#count--;
    return value;
  }

  clear(): void {
    this.#count = 0;
    this.#lost = false;
  }
}
