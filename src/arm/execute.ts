/**
 * Carries out an instruction on memory that hardware does not decode for us: element by element in the order of the
 * addresses, each in naturally aligned accesses of at most 8 bytes, then the registers. Nothing has happened when an
 * address turns out to be one that the guest may not use.
 */

import { assert } from '../base/assert.ts';
import { alignedAccessSize } from '../base/bits.ts';
import type { GuestAddress } from '../base/range.ts';
import type { Element, Instruction, LoadStore, Offset } from './instruction.ts';
import type { Access, Translation } from './stage1.ts';

/** A CPU's registers, each read and written as 64 bits; a vector register is 16 bytes, lowest first. */
export interface Registers {
  getX(register: number): bigint;
  setX(register: number, value: bigint): void;
  /** The stack pointer in use. */
  sp: bigint;
  getV(register: number): Uint8Array;
  /** Sets the 16 bytes and zeroes what a longer register (SVE) has above them. */
  setV(register: number, bytes: Uint8Array): void;
}

/** What an instruction needs of the world around its registers. */
export interface Surroundings {
  /** Where the instruction stands: EL0 or EL1. */
  readonly level: 0 | 1;
  /** Data is stored with the highest byte first (SCTLR_EL1.EE, E0E). */
  readonly isBigEndian: boolean;
  /** What DC ZVA zeroes. */
  readonly zeroBlockBytes: number;
  translate(virtual: bigint, access: Access): Translation;
  read(address: GuestAddress, size: AccessSize): bigint;
  write(address: GuestAddress, size: AccessSize, value: bigint): void;
}

export type AccessSize = 1 | 2 | 4 | 8;

/** One access, naturally aligned, so that it never lies in two pages. */
interface Part {
  readonly address: GuestAddress;
  readonly size: AccessSize;
}

/** What has to be done: nothing yet. */
export interface Plan {
  /** Every access, in order. */
  readonly parts: readonly Part[];
  /** Device memory takes it: each element is aligned to its own size, and it is no block. */
  readonly isAligned: boolean;
  /** Does it. The program counter is the caller's. */
  run(): void;
}

export type Planned =
  | { readonly kind: 'plan'; readonly plan: Plan }
  /** The guest takes a data abort: the address that stage 1 refuses, and why (DFSC). */
  | { readonly kind: 'fault'; readonly virtual: bigint; readonly status: number; readonly isWrite: boolean };

type Executable = Exclude<Instruction, { kind: 'atomic' }>;

export function plan(instruction: Executable, registers: Registers, world: Surroundings): Planned {
  switch (instruction.kind) {
    case 'maintain':
      return { kind: 'plan', plan: { parts: [], isAligned: true, run: () => {} } };
    case 'zero-block':
      return planZeroBlock(registers.getX(instruction.register), world);
    default:
      return planLoadStore(instruction, registers, world);
  }
}

function planZeroBlock(virtual: bigint, world: Surroundings): Planned {
  const size = world.zeroBlockBytes;
  const start = BigInt.asUintN(64, virtual - (virtual % BigInt(size)));
  const found = locate(start, size, { kind: 'write', level: world.level }, world);
  if (!Array.isArray(found)) return found;
  const run = () => {
    for (const { address, size } of found) world.write(address, size, 0n);
  };
  return { kind: 'plan', plan: { parts: found, isAligned: false, run } };
}

function planLoadStore(instruction: LoadStore, registers: Registers, world: Surroundings): Planned {
  const { base, indexing, kind, elements } = instruction;
  const from = base === 31 ? registers.sp : registers.getX(base);
  const moved = BigInt.asUintN(64, from + offsetOf(instruction.offset, registers));
  const access: Access = {
    kind: kind === 'load' ? 'read' : 'write',
    level: instruction.isUnprivileged ? 0 : world.level,
  };
  let virtual = indexing === 'post' ? from : moved;
  const located: Part[][] = [];
  let isAligned = true;
  for (const { size } of elements) {
    isAligned &&= virtual % BigInt(size) === 0n;
    const found = locate(virtual, size, access, world);
    if (!Array.isArray(found)) return found;
    located.push(found);
    virtual = BigInt.asUintN(64, virtual + BigInt(size));
  }
  const run = () => {
    if (kind === 'load') load(instruction, located, registers, world);
    else for (const [index, element] of elements.entries()) store(element, located[index]!, registers, world);
    if (indexing === 'offset') return;
    if (base === 31) registers.sp = moved;
    else registers.setX(base, moved);
  };
  return { kind: 'plan', plan: { parts: located.flat(), isAligned, run } };
}

function offsetOf(offset: Offset, registers: Registers): bigint {
  if (offset.kind === 'immediate') return BigInt(offset.bytes);
  const value = registers.getX(offset.register);
  const extended =
    offset.extend === 'uxtw' ? BigInt.asUintN(32, value) : offset.extend === 'sxtw' ? BigInt.asIntN(32, value) : value;
  return extended << BigInt(offset.shift);
}

/** Cuts `size` bytes at `virtual` into accesses and says where each lies. */
function locate(virtual: bigint, size: number, access: Access, world: Surroundings): Part[] | Planned {
  const parts: Part[] = [];
  for (let done = 0; done < size; ) {
    const at = BigInt.asUintN(64, virtual + BigInt(done));
    const part = alignedAccessSize(Number(at & 7n), size - done);
    const translation = world.translate(at, access);
    if (translation.kind === 'fault') {
      return { kind: 'fault', virtual: at, status: translation.status, isWrite: access.kind === 'write' };
    }
    parts.push({ address: translation.address, size: part });
    done += part;
  }
  return parts;
}

function load(instruction: LoadStore, located: readonly Part[][], registers: Registers, world: Surroundings): void {
  // All is read before any register changes: the base may be among them.
  const loaded = instruction.elements.map((_, index) => readElement(located[index]!, world));
  const vectors = new Map<number, Uint8Array>();
  for (const register of instruction.clears) vectors.set(register, new Uint8Array(16));
  instruction.elements.forEach((element, index) => {
    const bytes = loaded[index]!;
    if (element.bank === 'x') {
      registers.setX(element.register, extend(bytes, element.signedBits));
      return;
    }
    const vector = vectors.get(element.register) ?? registers.getV(element.register).slice();
    vectors.set(element.register, vector);
    for (let copy = 0; copy < element.copies; copy++) vector.set(bytes, element.at + copy * element.size);
  });
  for (const [register, bytes] of vectors) registers.setV(register, bytes);
}

function extend(bytes: Uint8Array, signedBits: 0 | 32 | 64): bigint {
  const value = numberOf(bytes);
  if (signedBits === 0) return value;
  return BigInt.asUintN(signedBits, BigInt.asIntN(bytes.length * 8, value));
}

function store(element: Element, parts: readonly Part[], registers: Registers, world: Surroundings): void {
  const { size } = element;
  const bytes =
    element.bank === 'x'
      ? bytesOf(BigInt.asUintN(size * 8, registers.getX(element.register)), size)
      : registers.getV(element.register).slice(element.at, element.at + size);
  if (world.isBigEndian) bytes.reverse();
  let done = 0;
  for (const part of parts) {
    world.write(part.address, part.size, numberOf(bytes.subarray(done, done + part.size)));
    done += part.size;
  }
  assert(done === size, 'an element was stored in part');
}

/** The bytes of an element, lowest first, whatever the order in memory. */
function readElement(parts: readonly Part[], world: Surroundings): Uint8Array {
  const bytes = parts.flatMap((part) => [...bytesOf(world.read(part.address, part.size), part.size)]);
  return Uint8Array.from(world.isBigEndian ? bytes.reverse() : bytes);
}

function numberOf(bytes: Uint8Array): bigint {
  return bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

function bytesOf(value: bigint, size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, index) => Number((value >> BigInt(index * 8)) & 0xffn));
}
