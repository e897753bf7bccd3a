/**
 * Stage 1 of the guest's address translation at EL1 and EL0 (Arm DDI 0487 §D8): where a virtual address lies in the guest's
 * physical memory. Hardware has walked these tables just before; we walk them again, because it does not tell what it found.
 */
import type { GuestAddress } from '../base/range.ts';

/** System registers as the vCPU has them; each is asked for only when it matters, since each costs a system call. */
export interface TranslationRegisters {
  readonly sctlr: bigint;
  readonly tcr: bigint;
  readonly ttbr0: bigint;
  readonly ttbr1: bigint;
  /** PSTATE.PAN: EL1 keeps its hands off what EL0 can reach. */
  readonly isPan: boolean;
  /** Permissions are looked up in PIR_ELx (FEAT_S1PIE), which we do not; hardware did for the address that faulted. */
  readonly isIndirect: boolean;
}

export interface Access {
  readonly kind: 'read' | 'write' | 'fetch';
  /** With whose rights. */
  readonly level: 0 | 1;
}

export type Translation =
  | { readonly kind: 'mapped'; readonly address: GuestAddress }
  | {
      readonly kind: 'fault';
      /** Fault status code, as ESR_EL1 reports it (§D19.2.37, DFSC). */
      readonly status: number;
    };

/** 8 bytes at a guest address as a little-endian number; undefined where there is no memory. */
export type DescriptorReader = (address: GuestAddress) => bigint | undefined;

/** Fault status codes less the level, and those without one. */
const Fault = {
  addressSize: 0b000000,
  translation: 0b000100,
  accessFlag: 0b001000,
  permission: 0b001100,
  walk: 0b010100,
};
const WALK_LEVEL_MINUS_1 = 0b010011;
const TRANSLATION_LEVEL_MINUS_1 = 0b101011;

const SCTLR = { M: 0n, WXN: 19n, EE: 25n, EPAN: 57n } as const;
/** For TTBR0 and for TTBR1: where their fields lie in TCR_EL1. */
const HALVES = [
  { tsz: 0n, epd: 7n, tg: 14n, granules: [12, 16, 14], tbi: 37n, hpd: 41n, tbid: 51n, e0pd: 55n },
  { tsz: 16n, epd: 23n, tg: 30n, granules: [0, 14, 12, 16], tbi: 38n, hpd: 42n, tbid: 52n, e0pd: 56n },
] as const;
const TCR = { IPS: 32n, DS: 59n } as const;
/** TCR_EL1.IPS → address bits. */
const OUTPUT_BITS = [32, 36, 40, 42, 44, 48, 52, 56];

/** Of descriptors. */
const Descriptor = {
  VALID: 0n,
  TABLE: 1n,
  AP_EL0: 6n,
  AP_READ_ONLY: 7n,
  AF: 10n,
  PXN: 53n,
  UXN: 54n,
  PXN_TABLE: 59n,
  UXN_TABLE: 60n,
  AP_TABLE_NO_EL0: 61n,
  AP_TABLE_READ_ONLY: 62n,
} as const;

const has = (value: bigint, position: bigint): boolean => ((value >> position) & 1n) !== 0n;
const field = (value: bigint, low: bigint, width: bigint): number => Number((value >> low) & ((1n << width) - 1n));

/** Translates `virtual`, 64 bits, unsigned. */
export function translate(
  registers: TranslationRegisters,
  read: DescriptorReader,
  virtual: bigint,
  access: Access,
): Translation {
  if (!has(registers.sctlr, SCTLR.M)) return flat(registers, virtual);
  const { tcr } = registers;
  const isUpper = has(virtual, 55n);
  const half = HALVES[isUpper ? 1 : 0];
  const granule = half.granules[field(tcr, half.tg, 2n)] ?? 0;
  const inputBits = 64 - field(tcr, half.tsz, 6n);
  const isTagged = has(tcr, half.tbi) && !(access.kind === 'fetch' && has(tcr, half.tbid));
  if (has(tcr, half.epd) || granule === 0 || !isCanonical(virtual, inputBits, isTagged))
    return fault(Fault.translation, 0);
  if (access.level === 0 && has(tcr, half.e0pd)) return fault(Fault.translation, 0);
  const walk = new Walk(registers, granule, isUpper ? registers.ttbr1 : registers.ttbr0, has(tcr, half.hpd));
  return walk.run(read, virtual & ((1n << BigInt(inputBits)) - 1n), inputBits, access);
}

/** With the MMU off addresses are physical; what the top byte holds is ignored with TBI alone. */
function flat({ tcr }: TranslationRegisters, virtual: bigint): Translation {
  const isTagged = has(tcr, HALVES[has(virtual, 55n) ? 1 : 0].tbi);
  const address = isTagged ? virtual & ((1n << 56n) - 1n) : virtual;
  return address >= 1n << 52n ? fault(Fault.addressSize, 0) : { kind: 'mapped', address: Number(address) };
}

/** All bits above the input are copies of bit 55, save those that tags may use. */
function isCanonical(virtual: bigint, inputBits: number, isTagged: boolean): boolean {
  const top = isTagged ? 56n : 64n;
  const width = top - BigInt(inputBits);
  const rest = (virtual >> BigInt(inputBits)) & ((1n << width) - 1n);
  return has(virtual, 55n) ? rest === (1n << width) - 1n : rest === 0n;
}

function fault(code: number, level: number): Translation {
  if (level < 0) return { kind: 'fault', status: code === Fault.walk ? WALK_LEVEL_MINUS_1 : TRANSLATION_LEVEL_MINUS_1 };
  return { kind: 'fault', status: code | level };
}

class Walk {
  readonly #registers: TranslationRegisters;
  /** log2 of the bytes of a page. */
  readonly #granule: number;
  readonly #base: bigint;
  readonly #isHierarchyOff: boolean;
  /** Addresses of 52 bits, of which the high ones stand in unused low bits. */
  readonly #isWide: boolean;
  readonly #outputBits: number;

  constructor(registers: TranslationRegisters, granule: number, ttbr: bigint, isHierarchyOff: boolean) {
    this.#registers = registers;
    this.#granule = granule;
    this.#isHierarchyOff = isHierarchyOff;
    const { tcr } = registers;
    const largest = OUTPUT_BITS[field(tcr, TCR.IPS, 3n)]!;
    this.#isWide = granule === 16 ? largest >= 52 : has(tcr, TCR.DS);
    this.#outputBits = Math.min(largest, this.#isWide ? 52 : 48);
    const low = ttbr & 0xffff_ffff_fffen;
    this.#base = this.#isWide ? (low & ~0x3fn) | (BigInt(field(ttbr, 2n, 4n)) << 48n) : low;
  }

  run(read: DescriptorReader, input: bigint, inputBits: number, access: Access): Translation {
    const stride = this.#granule - 3;
    let level = 4 - Math.ceil((inputBits - this.#granule) / stride);
    let table = this.#base;
    let tableBits = inputBits - this.#granule - stride * (3 - level);
    table &= ~((1n << BigInt(tableBits + 3)) - 1n);
    let limits = 0n;
    for (;;) {
      if (table >> BigInt(this.#outputBits) !== 0n) return fault(Fault.addressSize, level);
      const shift = BigInt(this.#granule + stride * (3 - level));
      const index = (input >> shift) & ((1n << BigInt(tableBits)) - 1n);
      const raw = read(Number(table + index * 8n));
      if (raw === undefined) return fault(Fault.walk, level);
      const descriptor = has(this.#registers.sctlr, SCTLR.EE) ? swapped(raw) : raw;
      const isTable = has(descriptor, Descriptor.TABLE);
      if (!has(descriptor, Descriptor.VALID) || (level === 3 && !isTable)) return fault(Fault.translation, level);
      if (level === 3 || !isTable) {
        if (!this.#mayBeBlock(level)) return fault(Fault.translation, level);
        const output = this.#address(descriptor) & ~((1n << shift) - 1n);
        if (output >> BigInt(this.#outputBits) !== 0n) return fault(Fault.addressSize, level);
        const refusal = this.#refusal(descriptor, limits, access);
        if (refusal !== undefined) return fault(refusal, level);
        return { kind: 'mapped', address: Number(output | (input & ((1n << shift) - 1n))) };
      }
      if (!this.#isHierarchyOff) limits |= descriptor;
      table = this.#address(descriptor);
      tableBits = stride;
      level++;
    }
  }

  /** Levels at which a descriptor may map memory (§D8.3.1, tables of block sizes). */
  #mayBeBlock(level: number): boolean {
    if (level === 3) return true;
    if (this.#granule === 12) return level >= (this.#isWide ? 0 : 1);
    return level >= (this.#isWide ? 1 : 2);
  }

  /** The address in a descriptor, of table, block or page. */
  #address(descriptor: bigint): bigint {
    const low = 1n << BigInt(this.#granule);
    if (!this.#isWide) return descriptor & ((1n << 48n) - low);
    if (this.#granule === 16) return (descriptor & ((1n << 48n) - low)) | (BigInt(field(descriptor, 12n, 4n)) << 48n);
    return (descriptor & ((1n << 50n) - low)) | (BigInt(field(descriptor, 8n, 2n)) << 50n);
  }

  /**
   * Why a mapped address is refused. Where hardware would set the access flag or the dirty state itself, the guest gets the
   * fault that it gets without that feature, and sets them.
   */
  #refusal(descriptor: bigint, limits: bigint, { kind, level }: Access): number | undefined {
    if (!has(descriptor, Descriptor.AF)) return Fault.accessFlag;
    const { sctlr, isPan, isIndirect } = this.#registers;
    if (isIndirect) return undefined;
    const isEl0 = has(descriptor, Descriptor.AP_EL0) && !has(limits, Descriptor.AP_TABLE_NO_EL0);
    const isReadOnly = has(descriptor, Descriptor.AP_READ_ONLY) || has(limits, Descriptor.AP_TABLE_READ_ONLY);
    const isUxn = has(descriptor, Descriptor.UXN) || has(limits, Descriptor.UXN_TABLE);
    let isAllowed: boolean;
    if (kind === 'fetch') {
      const isEl0Writable = isEl0 && !isReadOnly;
      const isPxn = has(descriptor, Descriptor.PXN) || has(limits, Descriptor.PXN_TABLE) || isEl0Writable;
      const isWritable = level === 0 ? isEl0Writable : !isReadOnly;
      isAllowed = !(has(sctlr, SCTLR.WXN) && isWritable) && !(level === 0 ? isUxn : isPxn);
    } else {
      const isKeptAway = isPan && (isEl0 || (has(sctlr, SCTLR.EPAN) && !isUxn));
      isAllowed = (level === 0 ? isEl0 : !isKeptAway) && !(kind === 'write' && isReadOnly);
    }
    return isAllowed ? undefined : Fault.permission;
  }
}

function swapped(value: bigint): bigint {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, value, true);
  return view.getBigUint64(0, false);
}
