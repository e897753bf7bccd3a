/** Cuts a byte stream into lines, holding no more than was pushed and not yet taken. */
const CAPACITY_MIN = 4096;
const NEWLINE = 0x0a;

export class LineSplitter {
  readonly #lineBytesMax: number;
  #bytes = new Uint8Array(CAPACITY_MIN);
  /** The bytes not yet taken are start … end; those before `scanned` hold no newline. */
  #start = 0;
  #scanned = 0;
  #end = 0;

  constructor(lineBytesMax: number) {
    this.#lineBytesMax = lineBytesMax;
  }

  get bufferedBytes(): number {
    return this.#end - this.#start;
  }

  push(bytes: Uint8Array): void {
    if (this.#end + bytes.length > this.#bytes.length) this.#makeRoom(bytes.length);
    this.#bytes.set(bytes, this.#end);
    this.#end += bytes.length;
  }

  /** The next whole line without its newline (a copy), or undefined; `too-long` once it cannot become a line any more. */
  next(): Uint8Array | 'too-long' | undefined {
    const found = this.#bytes.subarray(0, this.#end).indexOf(NEWLINE, this.#scanned);
    const end = found < 0 ? this.#end : found;
    if (end - this.#start > this.#lineBytesMax) return 'too-long';
    this.#scanned = end;
    if (found < 0) return undefined;
    const line = this.#bytes.slice(this.#start, end);
    this.#start = this.#scanned = end + 1;
    if (this.#start === this.#end) this.#start = this.#scanned = this.#end = 0;
    return line;
  }

  /** Moves what is left to the front of a buffer that is at least twice as large as needed, so pushes cost O(1) a byte. */
  #makeRoom(bytes: number): void {
    const needed = 2 * (this.bufferedBytes + bytes);
    const target = new Uint8Array(Math.max(needed, CAPACITY_MIN));
    target.set(this.#bytes.subarray(this.#start, this.#end));
    this.#bytes = target;
    this.#scanned -= this.#start;
    this.#end -= this.#start;
    this.#start = 0;
  }
}
