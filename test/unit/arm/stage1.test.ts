import { describe, expect, test } from 'vitest';
import { type Access, type TranslationRegisters, translate } from '../../../src/arm/stage1.ts';

const READ: Access = { kind: 'read', level: 1 };
const TABLE = 0b11n;
const PAGE = 0b11n;
const BLOCK = 0b01n;
const AF = 1n << 10n;
const AP_EL0 = 1n << 6n;
const AP_READ_ONLY = 1n << 7n;
const PXN = 1n << 53n;
const UXN = 1n << 54n;

/** TCR_EL1.TG0 and .TG1 of each page size. */
const GRANULES = [
  { bits: 12, tg0: 0n, tg1: 2n },
  { bits: 14, tg0: 2n, tg1: 1n },
  { bits: 16, tg0: 1n, tg1: 3n },
] as const;
const IPS_48 = 5n << 32n;
const IPS_52 = 6n << 32n;

/** Tables in a memory that has nothing else: each `map` makes what is missing on the way. */
class Tables {
  readonly words = new Map<number, bigint>();
  readonly root: number;
  readonly #granule: number;
  readonly #inputBits: number;
  #next: number;

  constructor(granule: number, inputBits: number, base = 0x4000_0000) {
    this.#granule = granule;
    this.#inputBits = inputBits;
    this.root = base;
    this.#next = base + 2 ** granule;
  }

  get topLevel(): number {
    return 4 - Math.ceil((this.#inputBits - this.#granule) / (this.#granule - 3));
  }

  map(virtual: bigint, descriptor: bigint, toLevel = 3, limits = 0n): void {
    const stride = this.#granule - 3;
    let table = this.root;
    for (let level = this.topLevel; ; level++) {
      const shift = BigInt(this.#granule + stride * (3 - level));
      const width = level === this.topLevel ? BigInt(this.#inputBits) - shift : BigInt(stride);
      const slot = table + Number((virtual >> shift) & ((1n << width) - 1n)) * 8;
      if (level === toLevel) {
        this.words.set(slot, descriptor);
        return;
      }
      if (!this.words.has(slot)) {
        this.words.set(slot, BigInt(this.#next) | TABLE | limits);
        this.#next += 2 ** this.#granule;
      }
      table = Number(this.words.get(slot)! & 0xffff_ffff_f000n);
    }
  }

  /** Every word of RAM that nobody wrote is 0. */
  readonly read = (address: number): bigint | undefined =>
    address < 0x4000_0000 || address >= 0x6000_0000 ? undefined : (this.words.get(address) ?? 0n);
}

function registersOf(fields: Partial<TranslationRegisters>): TranslationRegisters {
  return { sctlr: 1n, tcr: 0n, ttbr0: 0n, ttbr1: 0n, isPan: false, isIndirect: false, ...fields };
}

/** A table and the registers that lead to it, `virtual` = offset in the half that is asked for. */
function space(granule: (typeof GRANULES)[number], inputBits: number, half: 0 | 1, tcr = IPS_48) {
  const tables = new Tables(granule.bits, inputBits);
  const tsz = BigInt(64 - inputBits);
  const fields = half === 0 ? tsz | (granule.tg0 << 14n) : (tsz << 16n) | (granule.tg1 << 30n);
  const root = BigInt(tables.root);
  const registers = registersOf({ tcr: tcr | fields, ttbr0: half === 0 ? root : 0n, ttbr1: half === 1 ? root : 0n });
  const high = half === 0 ? 0n : ((1n << 64n) - 1n) ^ ((1n << BigInt(inputBits)) - 1n);
  return { tables, registers, at: (offset: bigint) => high | offset };
}

const fault = (status: number) => ({ kind: 'fault', status });
const mapped = (address: number) => ({ kind: 'mapped', address });

describe.each(GRANULES)('translate: pages of 2^$bits bytes', (granule) => {
  test.each([
    [48, 0],
    [48, 1],
    [39, 0],
    [36, 1],
    [42, 0],
  ] as const)('%i address bits through TTBR%i', (inputBits, half) => {
    const { tables, registers, at } = space(granule, inputBits, half);
    const page = 2 ** granule.bits;
    const places = [0n, 7n, (1n << BigInt(inputBits - granule.bits)) - 1n, 0x1234n].map((n) => n * BigInt(page));
    for (const [index, place] of places.entries()) tables.map(place, BigInt((index + 5) * page) | PAGE | AF);
    for (const [index, place] of places.entries()) {
      const expected = mapped((index + 5) * page + 0x9a8);
      expect(translate(registers, tables.read, at(place + 0x9a8n), READ)).toEqual(expected);
    }
    expect(translate(registers, tables.read, at(3n * BigInt(page)), READ)).toEqual(fault(0x07));
  });

  test('blocks map at the levels that have them, and nowhere else', () => {
    const { tables, registers } = space(granule, 48, 0);
    const levels = granule.bits === 12 ? [1, 2] : [2];
    for (const level of levels) {
      const bytes = 2 ** (granule.bits + (granule.bits - 3) * (3 - level));
      tables.map(BigInt(bytes * 3), BigInt(bytes * 7) | BLOCK | AF, level);
      expect(translate(registers, tables.read, BigInt(bytes * 3 + 0x12345), READ)).toEqual(mapped(bytes * 7 + 0x12345));
      tables.map(BigInt(bytes * 3), 0n, level);
    }
    const top = levels[0]! - 1;
    const bytes = 2 ** (granule.bits + (granule.bits - 3) * (3 - top));
    tables.map(BigInt(bytes), BLOCK | AF, top);
    expect(translate(registers, tables.read, BigInt(bytes), READ)).toEqual(fault(0x04 | top));
  });
});

describe('translate', () => {
  const SMALL = GRANULES[0];

  test('MMU off: addresses are physical, and TBI takes the top byte', () => {
    const registers = registersOf({ sctlr: 0n });
    expect(translate(registers, () => undefined, 0x0b00_0004n, READ)).toEqual(mapped(0x0b00_0004));
    expect(translate(registers, () => undefined, 1n << 52n, READ)).toEqual(fault(0x00));
    const tagged = registersOf({ sctlr: 0n, tcr: 1n << 37n });
    expect(translate(tagged, () => undefined, 0xa500_0000_0b00_0004n, READ)).toEqual(mapped(0x0b00_0004));
  });

  test('addresses outside of both halves, and halves that are off', () => {
    const { tables, registers } = space(SMALL, 39, 0);
    tables.map(0n, PAGE | AF);
    expect(translate(registers, tables.read, 1n << 39n, READ)).toEqual(fault(0x04));
    expect(translate(registers, tables.read, 0xa500_0000_0000_0000n, READ)).toEqual(fault(0x04));
    expect(translate({ ...registers, tcr: registers.tcr | (1n << 7n) }, tables.read, 0n, READ)).toEqual(fault(0x04));
    const tagged = { ...registers, tcr: registers.tcr | (1n << 37n) };
    expect(translate(tagged, tables.read, 0xa500_0000_0000_0000n, READ)).toEqual(mapped(0));
    // TBID0: the tag is of data alone.
    const dataOnly = { ...tagged, tcr: tagged.tcr | (1n << 51n) };
    expect(translate(dataOnly, tables.read, 0xa500_0000_0000_0000n, { kind: 'fetch', level: 1 })).toEqual(fault(0x04));
  });

  test('E0PD keeps EL0 out of a half', () => {
    const { tables, registers } = space(SMALL, 39, 0, IPS_48 | (1n << 55n));
    tables.map(0n, PAGE | AF | AP_EL0);
    expect(translate(registers, tables.read, 0n, { kind: 'read', level: 0 })).toEqual(fault(0x04));
    expect(translate(registers, tables.read, 0n, READ)).toEqual(mapped(0));
  });

  test('addresses of 52 bits: pages of 64 KiB, and LPA2 with smaller ones', () => {
    const large = space(GRANULES[2], 48, 0, IPS_52);
    large.tables.map(0n, (0xan << 12n) | (0x1234_0000n & ~0xffffn) | PAGE | AF);
    expect(translate(large.registers, large.tables.read, 0x10n, READ)).toEqual(mapped(0xa * 2 ** 48 + 0x1234_0010));
    const small = space(SMALL, 52, 0, IPS_52 | (1n << 59n));
    expect(small.tables.topLevel).toBe(-1);
    small.tables.map(5n << 48n, (2n << 8n) | (1n << 49n) | 0x1000n | PAGE | AF);
    expect(translate(small.registers, small.tables.read, (5n << 48n) | 8n, READ)).toEqual(
      mapped(2 * 2 ** 50 + 2 ** 49 + 0x1008),
    );
  });

  test('a table outside of memory, an address too large, an access flag that is not set', () => {
    const { tables, registers } = space(SMALL, 39, 0);
    tables.map(0n, 0x9000_0000_0000n | TABLE, 1);
    expect(translate(registers, tables.read, 0n, READ)).toEqual(fault(0x16));
    const narrow = space(SMALL, 39, 0, 0n);
    narrow.tables.map(0n, (1n << 33n) | PAGE | AF);
    expect(translate(narrow.registers, narrow.tables.read, 0n, READ)).toEqual(fault(0x03));
    narrow.tables.map(0n, PAGE);
    expect(translate(narrow.registers, narrow.tables.read, 0n, READ)).toEqual(fault(0x0b));
  });

  test('tables with the highest byte first (SCTLR_EL1.EE)', () => {
    const { tables, registers } = space(SMALL, 39, 0);
    tables.map(0n, 0x5000n | PAGE | AF);
    const view = new DataView(new ArrayBuffer(8));
    for (const [address, word] of tables.words) {
      view.setBigUint64(0, word, false);
      tables.words.set(address, view.getBigUint64(0, true));
    }
    const bigEndian = { ...registers, sctlr: registers.sctlr | (1n << 25n) };
    expect(translate(bigEndian, tables.read, 4n, READ)).toEqual(mapped(0x5004));
  });

  const all = ['read', 'write', 'fetch'] as const;
  test.each<[string, bigint, bigint, boolean, string, string]>([
    // What EL1 and EL0 may, as letters.
    ['of EL1', 0n, 0n, false, 'rwx', 'x'],
    ['of EL1, never executed', PXN | UXN, 0n, false, 'rw', ''],
    ['shared', AP_EL0, 0n, false, 'rw', 'rwx'],
    ['shared, read-only', AP_EL0 | AP_READ_ONLY, 0n, false, 'rx', 'rx'],
    ['read-only', AP_READ_ONLY | UXN, 0n, false, 'rx', ''],
    ['shared, with PAN', AP_EL0 | UXN, 0n, true, '', 'rw'],
    ['of EL1, with PAN', UXN, 0n, true, 'rwx', ''],
    ['limited to EL1 by its table', AP_EL0 | UXN, 1n << 61n, false, 'rwx', ''],
    ['made read-only by its table', AP_EL0 | UXN, 1n << 62n, false, 'rx', 'r'],
    ['never executed by its table', 0n, (1n << 59n) | (1n << 60n), false, 'rw', ''],
  ])('permissions: a page %s', (_, flags, limits, isPan, el1, el0) => {
    const { tables, registers } = space(SMALL, 39, 0);
    tables.map(0n, PAGE | AF | flags, 3, limits);
    const allowed = (level: 0 | 1) =>
      all
        .filter((kind) => translate({ ...registers, isPan }, tables.read, 0n, { kind, level }).kind === 'mapped')
        .map((kind) => ({ read: 'r', write: 'w', fetch: 'x' })[kind])
        .join('');
    expect({ el1: allowed(1), el0: allowed(0) }).toEqual({ el1, el0 });
  });

  test('WXN: what can be written is not executed; HPD: tables limit nothing', () => {
    const { tables, registers } = space(SMALL, 39, 0);
    tables.map(0n, PAGE | AF | UXN, 3, 1n << 62n);
    const wxn = { ...registers, sctlr: registers.sctlr | (1n << 19n) };
    expect(translate(wxn, tables.read, 0n, { kind: 'fetch', level: 1 })).toEqual(mapped(0));
    const unlimited = { ...wxn, tcr: wxn.tcr | (1n << 41n) };
    expect(translate(unlimited, tables.read, 0n, { kind: 'fetch', level: 1 })).toEqual(fault(0x0f));
    expect(translate(unlimited, tables.read, 0n, { kind: 'write', level: 1 })).toEqual(mapped(0));
  });
});
