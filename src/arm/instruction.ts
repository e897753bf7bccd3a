/**
 * What an A64 instruction does to memory, as data: what it moves, between which registers and which addresses, and how it
 * is written. The decoder makes these, the executor carries them out.
 */

/** Register number 31 stands for the zero register as data, and for SP as a base. */
export type RegisterNumber = number;

/** A piece that moves as a whole: the architecture promises no more than that each of them is one access. */
export type Element =
  | {
      readonly bank: 'x';
      readonly register: RegisterNumber;
      readonly size: 1 | 2 | 4 | 8;
      /** A load extends the sign to so many bits; 0: it fills with zeros. */
      readonly signedBits: 0 | 32 | 64;
    }
  | {
      readonly bank: 'v';
      readonly register: RegisterNumber;
      readonly size: 1 | 2 | 4 | 8 | 16;
      /** Byte of the register where it lies. */
      readonly at: number;
      /** A load puts it there so often, one copy after the other. */
      readonly copies: number;
    };

export type Offset =
  | { readonly kind: 'immediate'; readonly bytes: number }
  | {
      readonly kind: 'register';
      readonly register: RegisterNumber;
      readonly extend: 'uxtw' | 'lsl' | 'sxtw' | 'sxtx';
      readonly shift: number;
      /** Whether the assembler writes a shift by 0. */
      readonly isShiftShown: boolean;
    };

export interface LoadStore {
  readonly kind: 'load' | 'store';
  readonly mnemonic: string;
  /** The registers that it moves, as an assembler writes them: "x0, x1". */
  readonly operands: string;
  readonly base: RegisterNumber;
  readonly offset: Offset;
  /** pre: the base becomes the address; post: the address is the base, which moves afterwards. */
  readonly indexing: 'offset' | 'pre' | 'post';
  /** It has the rights of EL0, wherever it runs (LDTR, STTR). */
  readonly isUnprivileged: boolean;
  /** In the order of their addresses, each right behind the one before. */
  readonly elements: readonly Element[];
  /** Vector registers of which a load leaves nothing but what it loaded. */
  readonly clears: readonly RegisterNumber[];
}

export type Instruction =
  | LoadStore
  /** DC ZVA: zeroes the aligned block that the address of the register lies in. */
  | { readonly kind: 'zero-block'; readonly register: RegisterNumber }
  /** Maintenance of a cache line. */
  | { readonly kind: 'maintain'; readonly mnemonic: string; readonly register: RegisterNumber }
  /** It reads and writes as one (exclusives, LSE atomics), which no bus does for a device. */
  | { readonly kind: 'atomic'; readonly mnemonic: string; readonly operands: string; readonly base: RegisterNumber };

export function xName(register: RegisterNumber): string {
  return register === 31 ? 'xzr' : `x${register}`;
}

export function wName(register: RegisterNumber): string {
  return register === 31 ? 'wzr' : `w${register}`;
}

/** "ldp x0, x1, [x2, #16]!": what an assembler takes. */
export function formatInstruction(instruction: Instruction): string {
  switch (instruction.kind) {
    case 'zero-block':
      return `dc zva, ${xName(instruction.register)}`;
    case 'maintain':
      return `${instruction.mnemonic}, ${xName(instruction.register)}`;
    case 'atomic':
      return `${instruction.mnemonic} ${instruction.operands}, [${baseName(instruction.base)}]`;
    default:
      return `${instruction.mnemonic} ${instruction.operands}, ${formatAddress(instruction)}`;
  }
}

function formatAddress({ base, offset, indexing }: LoadStore): string {
  const name = baseName(base);
  if (offset.kind === 'register') {
    if (indexing === 'post') return `[${name}], ${xName(offset.register)}`;
    const isWord = offset.extend === 'uxtw' || offset.extend === 'sxtw';
    const index = (isWord ? wName : xName)(offset.register);
    const shift = offset.isShiftShown ? ` #${offset.shift}` : '';
    const extend = offset.extend === 'lsl' && !offset.isShiftShown ? '' : `, ${offset.extend}${shift}`;
    return `[${name}, ${index}${extend}]`;
  }
  if (indexing === 'post') return `[${name}], #${offset.bytes}`;
  if (indexing === 'pre') return `[${name}, #${offset.bytes}]!`;
  return offset.bytes === 0 ? `[${name}]` : `[${name}, #${offset.bytes}]`;
}

function baseName(register: RegisterNumber): string {
  return register === 31 ? 'sp' : `x${register}`;
}
