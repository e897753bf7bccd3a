/**
 * Property values of a device tree: from plain JavaScript values to the bytes that the format wants, and back
 * (Devicetree Specification 0.4 §2.2.4). Numbers are big-endian, strings end in NUL.
 */
import { assert } from '../base/assert.ts';

/**
 * What a property may be given as:
 *
 * | given                 | in .dts         |                                                          |
 * |-----------------------|-----------------|----------------------------------------------------------|
 * | `true`                | `name;`         | an empty property                                        |
 * | `24`                  | `<24>`          | one cell of 32 bits; −2^31 … 2^32 − 1                    |
 * | `24n`                 | `<0 24>`        | two cells, one 64-bit number                             |
 * | `[1, 2n]`             | `<1 0 2>`       | cells; addresses and sizes of two cells are bigints      |
 * | `'a'`, `['a', 'b']`   | `"a"`, `"a", "b"` | a string, a string list                                |
 * | `Uint8Array`          | `[00 11]`       | bytes as they are                                        |
 */
export type PropertyValue =
  | true
  | number
  | bigint
  | string
  | Uint8Array
  | readonly (number | bigint)[]
  | readonly string[];

export function encodeValue(value: PropertyValue): Uint8Array {
  if (value === true) return new Uint8Array();
  if (value instanceof Uint8Array) return value;
  if (typeof value === 'string') return encodeStrings([value]);
  if (typeof value === 'number' || typeof value === 'bigint') return encodeCells([value]);
  return isStrings(value) ? encodeStrings(value) : encodeCells(value);
}

/** The 32-bit cell at byte `offset`, `undefined` when it does not lie inside. */
export function cellAt(value: Uint8Array, offset: number): number | undefined {
  if (offset < 0 || offset + 4 > value.length) return undefined;
  return new DataView(value.buffer, value.byteOffset, value.byteLength).getUint32(offset);
}

export function setCellAt(value: Uint8Array, offset: number, cell: number): void {
  new DataView(value.buffer, value.byteOffset, value.byteLength).setUint32(offset, cell);
}

/** All cells, `undefined` when the length is not a multiple of four. */
export function cellsOf(value: Uint8Array): number[] | undefined {
  if (value.length % 4 !== 0) return undefined;
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  return Array.from({ length: value.length / 4 }, (_, index) => view.getUint32(index * 4));
}

/** The strings of a string list in ASCII, `undefined` when the bytes are not one (not NUL-terminated, not printable). */
export function stringsOf(value: Uint8Array): string[] | undefined {
  if (value.length === 0 || value.at(-1) !== 0) return undefined;
  if (!value.every((byte) => byte === 0 || (byte >= 0x20 && byte < 0x7f) || (byte >= 0x09 && byte <= 0x0d)))
    return undefined;
  return asciiOf(value).split('\0').slice(0, -1);
}

/** Bytes as characters, one each. */
export function asciiOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
}

/** Whether `name` can be a property's or a node's: the characters that dtc reads (its dtc-lexer.l, PROPNODECHAR). */
export function isName(name: string): boolean {
  return /^[a-zA-Z0-9,._+*#?@-]+$/.test(name);
}

function isStrings(value: readonly (number | bigint)[] | readonly string[]): value is readonly string[] {
  return typeof value[0] === 'string';
}

function encodeCells(values: readonly (number | bigint)[]): Uint8Array {
  const bytes = new Uint8Array(values.reduce((sum: number, value) => sum + (typeof value === 'bigint' ? 8 : 4), 0));
  const view = new DataView(bytes.buffer);
  let offset = 0;
  for (const value of values) {
    if (typeof value === 'bigint') {
      assert(value >= 0n && value < 1n << 64n, `${value} does not fit two cells`);
      view.setBigUint64(offset, value);
      offset += 8;
    } else {
      assert(Number.isInteger(value) && value >= -(2 ** 31) && value < 2 ** 32, `${value} does not fit a cell`);
      view.setUint32(offset, value);
      offset += 4;
    }
  }
  return bytes;
}

function encodeStrings(strings: readonly string[]): Uint8Array {
  assert(!strings.some((text) => text.includes('\0')), 'a device tree string cannot hold NUL');
  const text = `${strings.join('\0')}\0`;
  const bytes = new Uint8Array(text.length);
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code > 0x7f) return utf8(text);
    bytes[index] = code;
  }
  return bytes;
}

/** UTF-8 without TextEncoder, which the language itself (and so the pure folders) does not have. */
function utf8(text: string): Uint8Array {
  const escaped = encodeURIComponent(text.toWellFormed());
  return Uint8Array.from(escaped.match(/%..|./g) ?? [], (part) =>
    part.length === 3 ? Number.parseInt(part.slice(1), 16) : part.charCodeAt(0),
  );
}
