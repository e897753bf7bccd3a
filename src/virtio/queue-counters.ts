/**
 * What a queue counts, in memory that another thread may look into: doubles, so that nothing wraps, written by the queue's
 * thread alone. A reader sees each number whole, and all of them nearly of the same moment.
 */

/** Kick-to-used times: bucket 0 is below 1 µs, bucket n is 2^(n-1) … 2^n µs, the last one is everything above. */
export const HISTOGRAM_BUCKETS = 24;
const Field = { KICKS: 0, INTERRUPTS: 1, CHAINS: 2, BYTES_READ: 3, BYTES_WRITTEN: 4, HISTOGRAM: 5 } as const;
const FIELDS = Field.HISTOGRAM + HISTOGRAM_BUCKETS;

/** A copy of the numbers. */
export interface QueueCounts {
  /** Notifications of the driver that arrived. */
  readonly kicks: number;
  /** Interrupts that the driver wanted and got. */
  readonly interrupts: number;
  /** Chains given back. */
  readonly chains: number;
  /** Bytes of their readable parts. */
  readonly bytesRead: number;
  /** Bytes that were written into them. */
  readonly bytesWritten: number;
  /** How many kicks had their first chain given back in how much time. */
  readonly kickToUsed: readonly number[];
}

export class QueueCounters {
  static readonly BYTES = FIELDS * Float64Array.BYTES_PER_ELEMENT;
  readonly #values: Float64Array;

  /** `bytes`: QueueCounters.BYTES of them, 8-aligned, of a SharedArrayBuffer where another thread reads. */
  constructor(bytes: Uint8Array = new Uint8Array(QueueCounters.BYTES)) {
    this.#values = new Float64Array(bytes.buffer, bytes.byteOffset, FIELDS);
  }

  addKick(): void {
    this.#values[Field.KICKS]!++;
  }

  addInterrupt(): void {
    this.#values[Field.INTERRUPTS]!++;
  }

  addChain(bytesRead: number, bytesWritten: number): void {
    this.#values[Field.CHAINS]!++;
    this.#values[Field.BYTES_READ]! += bytesRead;
    this.#values[Field.BYTES_WRITTEN]! += bytesWritten;
  }

  addKickToUsed(milliseconds: number): void {
    const bucket = 32 - Math.clz32(milliseconds * 1000);
    this.#values[Field.HISTOGRAM + Math.min(bucket, HISTOGRAM_BUCKETS - 1)]!++;
  }

  read(): QueueCounts {
    const values = this.#values;
    return {
      kicks: values[Field.KICKS]!,
      interrupts: values[Field.INTERRUPTS]!,
      chains: values[Field.CHAINS]!,
      bytesRead: values[Field.BYTES_READ]!,
      bytesWritten: values[Field.BYTES_WRITTEN]!,
      kickToUsed: [...values.subarray(Field.HISTOGRAM)],
    };
  }
}
