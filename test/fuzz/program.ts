/** A fuzzer's bytes as a program: what is read beyond their end is 0, so every input is one. */

export class Program {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isOver(): boolean {
    return this.#at >= this.#bytes.length;
  }

  u8(): number {
    return this.#bytes[this.#at++] ?? 0;
  }

  u16(): number {
    return this.u8() | (this.u8() << 8);
  }

  u32(): number {
    return this.u16() + this.u16() * 2 ** 16;
  }

  /** The next `count` bytes, or those that are left. */
  bytes(count: number): Uint8Array {
    const bytes = this.#bytes.subarray(this.#at, this.#at + count);
    this.#at += count;
    return bytes;
  }

  /** One of `values`, by a byte. */
  pick<T>(values: readonly T[]): T {
    return values[this.u8() % values.length]!;
  }
}
