/** Bits as manuals write them: `bit(5)`, `bits(high, low)`; and alignment that also works above 32 bits. */

/** A field of a 32-bit register. `mask` is in place; `get` and `set` shift. */
export interface BitField {
  readonly mask: number;
  get(register: number): number;
  set(register: number, value: number): number;
}

/** The value with only bit `index` (0…31) set, as an unsigned number. */
export function bit(index: number): number {
  return (1 << index) >>> 0;
}

/** The field from bit `high` down to bit `low`, both included, 31 ≥ high ≥ low ≥ 0. */
export function bits(high: number, low: number): BitField {
  const mask = ((2 ** (high - low + 1) - 1) * 2 ** low) >>> 0;
  return {
    mask,
    get: (register) => (register & mask) >>> low,
    set: (register, value) => ((register & ~mask) | ((value << low) & mask)) >>> 0,
  };
}

/** The smallest multiple of `alignment` that is ≥ `value`. Both up to 2^53. */
export function alignUp(value: number, alignment: number): number {
  return Math.ceil(value / alignment) * alignment;
}

/** The largest multiple of `alignment` that is ≤ `value`. Both up to 2^53. */
export function alignDown(value: number, alignment: number): number {
  return Math.floor(value / alignment) * alignment;
}

export function isAligned(value: number, alignment: number): boolean {
  return value % alignment === 0;
}

/** The largest access, in bytes, that is aligned at an address with these low bits (three or more of them) and no larger than `left`. */
export function alignedAccessSize(lowBits: number, left: number): 1 | 2 | 4 | 8 {
  let size = 8;
  while (lowBits % size !== 0 || size > left) size /= 2;
  return size as 1 | 2 | 4 | 8;
}
