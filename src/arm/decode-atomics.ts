/** Exclusives, acquire and release, compare and swap, and the atomics of LSE (Arm DDI 0487 §C4.1.94). */
import { bit, bits } from '../base/bits.ts';
import type { Instruction, LoadStore, RegisterNumber } from './instruction.ts';
import { wName, xName } from './instruction.ts';

const EXCLUSIVE = { mask: 0x3f00_0000, value: 0x0800_0000, O2: bit(23), O1: bit(21), O0: bit(15) } as const;
const LSE = { mask: 0x3f20_0c00, value: 0x3820_0000, A: bit(23), R: bit(22), O3: bit(15), OPC: bits(14, 12) } as const;
const L = bit(22);
const SIZE = bits(31, 30);
const RS = bits(20, 16);
const RT2 = bits(14, 10);
const RN = bits(9, 5);
const RT = bits(4, 0);
const OPERATIONS = ['add', 'clr', 'eor', 'set', 'smax', 'smin', 'umax', 'umin'] as const;

export function decodeAtomic(word: number): Instruction | undefined {
  if ((word & EXCLUSIVE.mask) >>> 0 === EXCLUSIVE.value) return decodeExclusive(word);
  if ((word & LSE.mask) >>> 0 === LSE.value) return decodeLse(word);
  return undefined;
}

function decodeExclusive(word: number): Instruction | undefined {
  const has = (flag: number) => (word & flag) !== 0;
  const [size, rs, rt, rt2, base] = [SIZE.get(word), RS.get(word), RT.get(word), RT2.get(word), RN.get(word)];
  const [isLoad, isOrdered] = [has(L), has(EXCLUSIVE.O0)];
  const width = size === 0 ? 'b' : size === 1 ? 'h' : '';
  const name = size === 3 ? xName : wName;
  const atomic = (mnemonic: string, ...operands: readonly string[]): Instruction => {
    return { kind: 'atomic', mnemonic, operands: operands.join(', '), base };
  };
  if (has(EXCLUSIVE.O2) && !has(EXCLUSIVE.O1)) return ordered(word, isLoad, isOrdered);
  if (has(EXCLUSIVE.O2)) {
    if (rt2 !== 31) return undefined;
    return atomic(`cas${isLoad ? 'a' : ''}${isOrdered ? 'l' : ''}${width}`, name(rs), name(rt));
  }
  if (!has(EXCLUSIVE.O1)) {
    if (isLoad) return atomic(`ld${isOrdered ? 'a' : ''}xr${width}`, name(rt));
    return atomic(`st${isOrdered ? 'l' : ''}xr${width}`, wName(rs), name(rt));
  }
  if (size >= 2) {
    if (isLoad) return atomic(`ld${isOrdered ? 'a' : ''}xp`, name(rt), name(rt2));
    return atomic(`st${isOrdered ? 'l' : ''}xp`, wName(rs), name(rt), name(rt2));
  }
  if (rt2 !== 31 || rs % 2 !== 0 || rt % 2 !== 0) return undefined;
  const pair = (register: RegisterNumber) => [register, register + 1].map(size === 1 ? xName : wName);
  return atomic(`casp${isLoad ? 'a' : ''}${isOrdered ? 'l' : ''}`, ...pair(rs), ...pair(rt));
}

/** LDAR and STLR, LDLAR and STLLR: to a device they are plain accesses, since it sees all in order. */
function ordered(word: number, isLoad: boolean, isOrdered: boolean): LoadStore {
  const scale = SIZE.get(word);
  const register = RT.get(word);
  return {
    kind: isLoad ? 'load' : 'store',
    mnemonic: `${isLoad ? 'ld' : 'st'}${isOrdered ? '' : 'l'}${isLoad ? 'ar' : 'lr'}${['b', 'h', '', ''][scale]}`,
    operands: (scale === 3 ? xName : wName)(register),
    base: RN.get(word),
    offset: { kind: 'immediate', bytes: 0 },
    indexing: 'offset',
    isUnprivileged: false,
    elements: [{ bank: 'x', register, size: (1 << scale) as 1 | 2 | 4 | 8, signedBits: 0 }],
    clears: [],
  };
}

function decodeLse(word: number): Instruction | undefined {
  const opc = LSE.OPC.get(word);
  const isSwap = (word & LSE.O3) !== 0;
  if (isSwap && opc !== 0) return undefined;
  const stem = isSwap ? 'swp' : `ld${OPERATIONS[opc]}`;
  const order = `${(word & LSE.A) === 0 ? '' : 'a'}${(word & LSE.R) === 0 ? '' : 'l'}`;
  const size = SIZE.get(word);
  const name = size === 3 ? xName : wName;
  return {
    kind: 'atomic',
    mnemonic: `${stem}${order}${['b', 'h', '', ''][size]}`,
    operands: `${name(RS.get(word))}, ${name(RT.get(word))}`,
    base: RN.get(word),
  };
}
