/** A64 loads and stores, and DC, from their encodings (Arm DDI 0487 §C4.1). */
import { bit, bits } from '../base/bits.ts';
import { decodeAtomic } from './decode-atomics.ts';
import { decodeStructure } from './decode-structures.ts';
import type { Element, Instruction, LoadStore, Offset, RegisterNumber } from './instruction.ts';
import { wName, xName } from './instruction.ts';

/** Fields that all of these share (§C4.1.94). */
export const Field = {
  SIZE: bits(31, 30),
  V: bit(26),
  OPC: bits(23, 22),
  L: bit(22),
  RM: bits(20, 16),
  RT2: bits(14, 10),
  RN: bits(9, 5),
  RT: bits(4, 0),
} as const;

/** Load/store pair, all of its index modes (§C4.1.94.21 to .24). */
const PAIR = { mask: 0x3a00_0000, value: 0x2800_0000, MODE: bits(24, 23), IMM7: bits(21, 15) } as const;
/** Load/store register: unsigned immediate; the rest of them; the rest with a register offset. */
const UNSIGNED = { mask: 0x3b00_0000, value: 0x3900_0000, IMM12: bits(21, 10) } as const;
const SHORT = { mask: 0x3b20_0000, value: 0x3800_0000, IMM9: bits(20, 12), MODE: bits(11, 10) } as const;
const REGISTER = { mask: 0x3b20_0c00, value: 0x3820_0800, OPTION: bits(15, 13), S: bit(12) } as const;
/** DC and IC operations on a virtual address: SYS #3, C7, Cm, #1, Xt, and DC IVAC (§C5.3). */
const DC = { mask: 0xffff_f0e0, value: 0xd50b_7020, CRM: bits(11, 8) } as const;
const DC_IVAC = { mask: 0xffff_ffe0, value: 0xd508_7620 } as const;
const DC_ZVA_CRM = 4;
const MAINTENANCE_BY_CRM: Readonly<Record<number, string>> = {
  5: 'ic ivau',
  10: 'dc cvac',
  11: 'dc cvau',
  12: 'dc cvap',
  13: 'dc cvadp',
  14: 'dc civac',
};

export const isOf = (word: number, { mask, value }: { mask: number; value: number }): boolean =>
  (word & mask) >>> 0 === value;

/** What `word` does to memory; undefined where it is no load, store or DC that we know, or one without a defined outcome. */
export function decode(word: number): Instruction | undefined {
  if (isOf(word, PAIR)) return decodePair(word);
  if (isOf(word, UNSIGNED)) {
    return decodeSingle(word, 'offset', (scale) => immediate(UNSIGNED.IMM12.get(word) * 2 ** scale));
  }
  if (isOf(word, SHORT)) return decodeShort(word);
  if (isOf(word, REGISTER)) return decodeRegisterOffset(word);
  if (isOf(word, DC)) return decodeCacheOperation(word);
  if (isOf(word, DC_IVAC)) return { kind: 'maintain', mnemonic: 'dc ivac', register: Field.RT.get(word) };
  return decodeStructure(word) ?? decodeAtomic(word);
}

export const immediate = (bytes: number): Offset => ({ kind: 'immediate', bytes });

function signed(value: number, width: number): number {
  return value >= 2 ** (width - 1) ? value - 2 ** width : value;
}

function decodePair(word: number): LoadStore | undefined {
  const opc = Field.SIZE.get(word);
  const isVector = (word & Field.V) !== 0;
  const isLoad = (word & Field.L) !== 0;
  const mode = PAIR.MODE.get(word);
  const isSignExtending = !isVector && opc === 1;
  // Opc 1 is STGP where it stores, and nothing without an index mode.
  if (opc === 3 || (isSignExtending && (!isLoad || mode === 0))) return undefined;
  const size = (isVector ? 4 << opc : opc === 2 ? 8 : 4) as 4 | 8 | 16;
  const [rt, rt2, base] = [Field.RT.get(word), Field.RT2.get(word), Field.RN.get(word)];
  const indexing = mode === 1 ? 'post' : mode === 3 ? 'pre' : 'offset';
  if (isLoad && rt === rt2) return undefined;
  if (!isVector && isOverwritten(indexing, base, rt, rt2)) return undefined;
  const elements = [rt, rt2].map((register) =>
    isVector ? vector(register, size) : general(register, size as 4 | 8, isSignExtending ? 64 : 0),
  );
  const name = (register: RegisterNumber) =>
    isVector ? vectorName(register, size) : size === 8 || isSignExtending ? xName(register) : wName(register);
  const stem = mode === 0 ? 'np' : 'p';
  return {
    kind: isLoad ? 'load' : 'store',
    mnemonic: `${isLoad ? 'ld' : 'st'}${stem}${isSignExtending ? 'sw' : ''}`,
    operands: `${name(rt)}, ${name(rt2)}`,
    base,
    offset: immediate(signed(PAIR.IMM7.get(word), 7) * size),
    indexing,
    isUnprivileged: false,
    elements,
    clears: isVector ? [rt, rt2] : [],
  };
}

function decodeShort(word: number): LoadStore | undefined {
  const offset = () => immediate(signed(SHORT.IMM9.get(word), 9));
  switch (SHORT.MODE.get(word)) {
    case 0:
      return decodeSingle(word, 'offset', offset, 'u');
    case 1:
      return decodeSingle(word, 'post', offset);
    case 2:
      return (word & Field.V) !== 0 ? undefined : decodeSingle(word, 'offset', offset, 't');
    default:
      return decodeSingle(word, 'pre', offset);
  }
}

/** The extension that `option` asks for; no other values are defined. */
const EXTENDS: Readonly<Record<number, 'uxtw' | 'lsl' | 'sxtw' | 'sxtx'>> = {
  2: 'uxtw',
  3: 'lsl',
  6: 'sxtw',
  7: 'sxtx',
};

function decodeRegisterOffset(word: number): LoadStore | undefined {
  const extend = EXTENDS[REGISTER.OPTION.get(word)];
  if (extend === undefined) return undefined;
  const isShiftShown = (word & REGISTER.S) !== 0;
  const register = Field.RM.get(word);
  return decodeSingle(word, 'offset', (scale) => {
    return { kind: 'register', register, extend, shift: isShiftShown ? scale : 0, isShiftShown };
  });
}

/** `variant`: u for unscaled, t for unprivileged. `offset` gets the binary logarithm of the size. */
function decodeSingle(
  word: number,
  indexing: LoadStore['indexing'],
  offset: (scale: number) => Offset,
  variant: '' | 'u' | 't' = '',
): LoadStore | undefined {
  const isVector = (word & Field.V) !== 0;
  const opc = Field.OPC.get(word);
  const [register, base] = [Field.RT.get(word), Field.RN.get(word)];
  const common = { base, indexing, isUnprivileged: variant === 't' };
  const stem = (isLoad: boolean) => `${isLoad ? 'ld' : 'st'}${variant}r`;
  if (isVector) {
    const scale = Field.SIZE.get(word) + (opc >= 2 ? 4 : 0);
    if (scale > 4) return undefined;
    const size = (1 << scale) as 1 | 2 | 4 | 8 | 16;
    const isLoad = (opc & 1) !== 0;
    return {
      ...common,
      kind: isLoad ? 'load' : 'store',
      mnemonic: stem(isLoad),
      operands: vectorName(register, size),
      offset: offset(scale),
      elements: [vector(register, size)],
      clears: [register],
    };
  }
  const scale = Field.SIZE.get(word);
  const size = (1 << scale) as 1 | 2 | 4 | 8;
  const isLoad = opc !== 0;
  const signedBits = opc === 2 ? 64 : opc === 3 ? 32 : 0;
  // Prefetches, and sign extensions to a width that is no larger.
  if ((scale === 3 && opc >= 2) || (scale === 2 && opc === 3)) return undefined;
  if (isOverwritten(indexing, base, register)) return undefined;
  const width = signedBits === 0 ? '' : 's';
  return {
    ...common,
    kind: isLoad ? 'load' : 'store',
    mnemonic: `${stem(isLoad)}${scale === 3 || (scale === 2 && signedBits === 0) ? '' : width + 'bhw'[scale]}`,
    operands: (size === 8 || signedBits === 64 ? xName : wName)(register),
    offset: offset(scale),
    elements: [general(register, size, signedBits)],
    clears: [],
  };
}

function decodeCacheOperation(word: number): Instruction | undefined {
  const register = Field.RT.get(word);
  const crm = DC.CRM.get(word);
  if (crm === DC_ZVA_CRM) return { kind: 'zero-block', register };
  const mnemonic = MAINTENANCE_BY_CRM[crm];
  return mnemonic === undefined ? undefined : { kind: 'maintain', mnemonic, register };
}

/** A base that moves and is data as well: what happens then is up to the CPU (§K1.1). */
function isOverwritten(indexing: LoadStore['indexing'], base: number, ...data: readonly number[]): boolean {
  return indexing !== 'offset' && base !== 31 && data.includes(base);
}

export function general(register: RegisterNumber, size: 1 | 2 | 4 | 8, signedBits: 0 | 32 | 64): Element {
  return { bank: 'x', register, size, signedBits };
}

function vector(register: RegisterNumber, size: 1 | 2 | 4 | 8 | 16): Element {
  return { bank: 'v', register, size, at: 0, copies: 1 };
}

const vectorName = (register: RegisterNumber, size: number): string => `${'bhsdq'[Math.log2(size)]}${register}`;
