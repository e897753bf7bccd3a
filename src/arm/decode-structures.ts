/** LD1…LD4 and ST1…ST4 of vector registers: multiple structures, one structure, and one to all lanes (Arm DDI 0487 §C4.1.94). */
import { bit, bits } from '../base/bits.ts';
import type { Element, LoadStore, Offset, RegisterNumber } from './instruction.ts';

const MULTIPLE = { mask: 0xbf20_0000, value: 0x0c00_0000, OPCODE: bits(15, 12) } as const;
const SINGLE = { mask: 0xbf00_0000, value: 0x0d00_0000, OPCODE: bits(15, 13), R: bit(21), S: bit(12) } as const;
const Q = bit(30);
const POST = bit(23);
const L = bit(22);
const RM = bits(20, 16);
const SIZE = bits(11, 10);
const RN = bits(9, 5);
const RT = bits(4, 0);
const REGISTER_BYTES = 16;

/** Opcode → how many registers, and of how many elements a structure is. */
const MULTIPLES: Readonly<Record<number, { readonly registers: number; readonly selem: number }>> = {
  0: { registers: 4, selem: 4 },
  2: { registers: 4, selem: 1 },
  4: { registers: 3, selem: 3 },
  6: { registers: 3, selem: 1 },
  7: { registers: 1, selem: 1 },
  8: { registers: 2, selem: 2 },
  10: { registers: 2, selem: 1 },
};

type Size = 1 | 2 | 4 | 8;

export function decodeStructure(word: number): LoadStore | undefined {
  if ((word & MULTIPLE.mask) >>> 0 === MULTIPLE.value) return decodeMultiple(word);
  if ((word & SINGLE.mask) >>> 0 === SINGLE.value) return decodeSingle(word);
  return undefined;
}

function decodeMultiple(word: number): LoadStore | undefined {
  const shape = MULTIPLES[MULTIPLE.OPCODE.get(word)];
  const isWhole = (word & Q) !== 0;
  if (shape === undefined || (shape.selem > 1 && !isWhole && SIZE.get(word) === 3)) return undefined;
  const { registers, selem } = shape;
  const size = (1 << SIZE.get(word)) as Size;
  const bytes = isWhole ? REGISTER_BYTES : REGISTER_BYTES / 2;
  const first = RT.get(word);
  const elements: Element[] = [];
  for (let group = 0; group < registers; group += selem) {
    for (let at = 0; at < bytes; at += size) {
      for (let part = 0; part < selem; part++) elements.push(lane(first + group + part, size, at));
    }
  }
  const arrangement = `${bytes / size}${'bhsd'[SIZE.get(word)]}`;
  return structure(word, {
    name: `${selem}`,
    registers,
    operands: `{${list(first, registers, arrangement)}}`,
    elements,
    clears: count(first, registers),
  });
}

function decodeSingle(word: number): LoadStore | undefined {
  const opcode = SINGLE.OPCODE.get(word);
  const selem = (opcode & 1) * 2 + ((word & SINGLE.R) === 0 ? 0 : 1) + 1;
  const first = RT.get(word);
  const s = (word & SINGLE.S) === 0 ? 0 : 1;
  const q = (word & Q) === 0 ? 0 : 1;
  const size = SIZE.get(word);
  const position = q * 8 + s * 4 + size;
  if (opcode >> 1 === 3) return decodeReplicate(word, selem);
  let scale = opcode >> 1;
  if (scale === 1 && (size & 1) !== 0) return undefined;
  if (scale === 2) {
    if (size > 1 || (size === 1 && s === 1)) return undefined;
    scale = size === 1 ? 3 : 2;
  }
  const index = position >> scale;
  const bytes = (1 << scale) as Size;
  return structure(word, {
    name: `${selem}`,
    registers: selem,
    operands: `{${list(first, selem, 'bhsd'[scale]!)}}[${index}]`,
    elements: Array.from({ length: selem }, (_, part) => lane(first + part, bytes, index * bytes)),
    clears: [],
  });
}

function decodeReplicate(word: number, selem: number): LoadStore | undefined {
  if ((word & L) === 0 || (word & SINGLE.S) !== 0) return undefined;
  const first = RT.get(word);
  const size = (1 << SIZE.get(word)) as Size;
  const copies = ((word & Q) === 0 ? REGISTER_BYTES / 2 : REGISTER_BYTES) / size;
  return structure(word, {
    name: `${selem}r`,
    registers: selem,
    operands: `{${list(first, selem, `${copies}${'bhsd'[SIZE.get(word)]}`)}}`,
    elements: Array.from({ length: selem }, (_, part) => ({ ...lane(first + part, size, 0), copies })),
    clears: count(first, selem),
  });
}

interface Shape {
  readonly name: string;
  readonly registers: number;
  readonly operands: string;
  readonly elements: readonly Element[];
  readonly clears: readonly RegisterNumber[];
}

function structure(word: number, shape: Shape): LoadStore | undefined {
  const isPost = (word & POST) !== 0;
  const isLoad = (word & L) !== 0;
  if (!isPost && RM.get(word) !== 0) return undefined;
  const bytes = shape.elements.reduce((sum, { size }) => sum + size, 0);
  return {
    kind: isLoad ? 'load' : 'store',
    mnemonic: `${isLoad ? 'ld' : 'st'}${shape.name}`,
    operands: shape.operands,
    base: RN.get(word),
    offset: isPost ? movement(RM.get(word), bytes) : { kind: 'immediate', bytes: 0 },
    indexing: isPost ? 'post' : 'offset',
    isUnprivileged: false,
    elements: shape.elements,
    clears: shape.clears,
  };
}

function movement(register: RegisterNumber, bytes: number): Offset {
  if (register === 31) return { kind: 'immediate', bytes };
  return { kind: 'register', register, extend: 'lsl', shift: 0, isShiftShown: false };
}

/** The numbers wrap around: behind v31 comes v0. */
function lane(register: number, size: Size, at: number): Element {
  return { bank: 'v', register: register % 32, size, at, copies: 1 };
}

function count(first: RegisterNumber, registers: number): readonly RegisterNumber[] {
  return Array.from({ length: registers }, (_, number) => (first + number) % 32);
}

/** As binutils writes it: a range where three or more follow each other. */
function list(first: RegisterNumber, registers: number, arrangement: string): string {
  const names = count(first, registers).map((register) => `v${register}.${arrangement}`);
  const isRange = registers > 2 && first + registers <= 32;
  return isRange ? `${names[0]}-${names.at(-1)}` : names.join(', ');
}
