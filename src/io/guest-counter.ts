/**
 * The guest's virtual counter, for devices in I/O threads. The main thread knows how far it lags behind the host's, and that
 * changes with every pause and every boot; the host's own anybody may read.
 */
import { counterReader } from '../host/clock.ts';

/** Words of the shared memory. */
const Word = { LAG: 0, IS_KNOWN: 1 } as const;

export class GuestCounter {
  static readonly BYTES = 2 * BigInt64Array.BYTES_PER_ELEMENT;
  /** What both threads have. */
  readonly buffer: SharedArrayBuffer;
  readonly #words: BigInt64Array;
  #readHost: (() => bigint) | undefined;
  #isBound = false;

  constructor(buffer = new SharedArrayBuffer(GuestCounter.BYTES)) {
    this.buffer = buffer;
    this.#words = new BigInt64Array(buffer);
  }

  /** Ticks that the guest's counter is behind the host's; undefined where the kernel does not let us choose them. */
  setLag(ticks: bigint | undefined): void {
    Atomics.store(this.#words, Word.LAG, ticks ?? 0n);
    Atomics.store(this.#words, Word.IS_KNOWN, ticks === undefined ? 0n : 1n);
  }

  read(): bigint | undefined {
    if (Atomics.load(this.#words, Word.IS_KNOWN) === 0n) return undefined;
    if (!this.#isBound) this.#readHost = counterReader();
    this.#isBound = true;
    return this.#readHost && BigInt.asUintN(64, this.#readHost() - Atomics.load(this.#words, Word.LAG));
  }
}
