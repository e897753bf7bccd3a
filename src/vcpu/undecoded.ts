/**
 * Accesses that hardware did not decode for us (KVM_EXIT_ARM_NISV, api.rst §5): the instruction moves a pair, a vector, its
 * base, or zeroes a block, and KVM tells no more than an address. We read the instruction as the guest's CPU did, through
 * its stage-1 tables, and carry it out; or say why not (docs/device-memory.md).
 */
import { takeDataAbort } from '../arm/data-abort.ts';
import { decode } from '../arm/decode.ts';
import { type Planned, plan, type Registers, type Surroundings } from '../arm/execute.ts';
import { formatInstruction, type Instruction } from '../arm/instruction.ts';
import { type Access, type Translation, type TranslationRegisters, translate } from '../arm/stage1.ts';
import { bit } from '../base/bits.ts';
import type { GuestAddress } from '../base/range.ts';
import { formatAddress } from '../base/units.ts';
import { RegisterFile } from '../kvm/register-file.ts';
import * as ids from '../kvm/registers.ts';
import type { Vcpu } from '../kvm/vcpu.ts';

type AccessSize = 1 | 2 | 4 | 8;

/** All that guest physical addresses lead to. */
export interface PhysicalSpace {
  /** Little-endian; undefined where there is no memory, only perhaps a device. */
  readMemory(address: GuestAddress, size: AccessSize): bigint | undefined;
  /** False where there is no memory that the guest may write. */
  writeMemory(address: GuestAddress, size: AccessSize, value: bigint): boolean;
  /** There is memory there, and the guest may only read it. */
  isReadOnly(address: GuestAddress): boolean;
  /** Where KVM maps a device: what is there, and what is done about an access that is not aligned. */
  unalignedAt(
    address: GuestAddress,
  ): { readonly name: string; readonly answer: 'emulate' | 'inject' | 'stop' } | undefined;
  readDevice(address: GuestAddress, size: AccessSize): number | bigint;
  writeDevice(address: GuestAddress, size: AccessSize, value: number | bigint): void;
}

export interface UndecodedWorld {
  readonly space: PhysicalSpace;
  /** The vCPUs have SVE, so KVM has their vector registers as a part of SVE's. */
  readonly hasSve: boolean;
  /** Bytes that DC ZVA zeroes; undefined where that cannot be found out. */
  zeroBlockBytes(): number | undefined;
}

/** What became of it. `instruction` is the text of it, as far as it could be read. */
export type Outcome =
  | { readonly kind: 'done' }
  | { readonly kind: 'refused'; readonly pc: bigint; readonly instruction: string; readonly why: string };

/** ESR_ELx.ISS of a data abort: it writes. */
const WNR = bit(6);
/** Data fault status code of an alignment fault. */
const DFSC_ALIGNMENT = 0x21;
/** PSTATE: 32-bit state; EL1; and what an executed instruction leaves cleared (BTYPE, SS). */
const PSTATE = { NRW: 1n << 4n, EL1: 1n << 2n, PAN: 1n << 22n, STEP: (3n << 10n) | (1n << 21n) } as const;
const SCTLR = { E0E: 24n, EE: 25n } as const;
const TCR2_PIE = 1n << 1n;
/** KVM reports stage-2 faults by pages of this size (HPFAR_EL2), and no page of stage 1 is smaller. */
const PAGE_BYTES = 4096;
const PAGE_BITS = 12n;
/** How often in a row an instruction may turn out to be another than the one that faulted: somebody changes it. */
const MISMATCHES_MAX = 16;

export class UndecodedAccesses implements Disposable {
  readonly #world: UndecodedWorld;
  readonly #registers = new RegisterFile();
  #zeroBlockBytes: number | undefined;
  readonly #mismatches = new Map<number, number>();

  constructor(world: UndecodedWorld) {
    this.#world = world;
  }

  /** The program counter and the instruction there, for a report. */
  describe(vcpu: Vcpu): { readonly pc: bigint; readonly instruction: string } {
    const cpu = new Cpu(vcpu, this.#registers, this.#world);
    return { pc: cpu.pc, instruction: textOf(cpu.fetch()) };
  }

  /** Carries out what faulted at `fault_ipa` (with `esr_iss`), or says why that cannot be. */
  answer(vcpu: Vcpu, { esr_iss, fault_ipa }: { esr_iss: number; fault_ipa: GuestAddress }): Outcome {
    const cpu = new Cpu(vcpu, this.#registers, this.#world);
    const refuse = (instruction: string, why: string): Outcome => ({ kind: 'refused', pc: cpu.pc, instruction, why });
    if (cpu.is32Bit) return refuse('a 32-bit instruction', 'orko-vmm reads 64-bit code only');
    const word = cpu.fetch();
    if (word === undefined) return refuse(textOf(word), 'its code lies where no memory is');
    const instruction = decode(word);
    if (instruction === undefined) return refuse(textOf(word), 'orko-vmm does not know it');
    if (instruction.kind === 'atomic') return refuse(textOf(word), 'it reads and writes as one, which no device does');
    const surroundings = this.#surroundings(cpu, instruction);
    if (surroundings === undefined) return refuse(textOf(word), 'the size of its block cannot be found out here');
    const planned = plan(instruction, cpu, surroundings);
    if (planned.kind === 'plan' && !isWhatFaulted(instruction, planned, fault_ipa, (esr_iss & WNR) !== 0)) {
      // The guest has changed the code or its tables since; if so, the next look finds it settled.
      const count = (this.#mismatches.get(vcpu.index) ?? 0) + 1;
      this.#mismatches.set(vcpu.index, count);
      if (count < MISMATCHES_MAX) return { kind: 'done' };
      return refuse(textOf(word), `it does not touch ${formatAddress(fault_ipa)}`);
    }
    this.#mismatches.delete(vcpu.index);
    if (this.#writesReadOnly(instruction, planned)) return refuse(textOf(word), 'it writes memory that is read-only');
    if (planned.kind === 'fault') cpu.abort(planned);
    else {
      planned.plan.run();
      cpu.advance();
    }
    return { kind: 'done' };
  }

  /**
   * KVM_RUN has failed with EFAULT, which it does, without a word, for an access that is not aligned to what is device memory in stage 2
   * alone (Linux arch/arm64/kvm/mmu.c, kvm_handle_guest_abort). If it is one, what is wanted is done; undefined where it is
   * something else.
   */
  answerUnaligned(vcpu: Vcpu): Outcome | undefined {
    const cpu = new Cpu(vcpu, this.#registers, this.#world);
    const word = cpu.is32Bit ? undefined : cpu.fetch();
    const instruction = word === undefined ? undefined : decode(word);
    if (instruction === undefined || instruction.kind === 'atomic') return undefined;
    const surroundings = this.#surroundings(cpu, instruction);
    if (surroundings === undefined) return undefined;
    const touched: { virtual: bigint; address: GuestAddress }[] = [];
    const translate: Surroundings['translate'] = (virtual, access) => {
      const found = surroundings.translate(virtual, access);
      if (found.kind === 'mapped') touched.push({ virtual, address: found.address });
      return found;
    };
    const planned = plan(instruction, cpu, { ...surroundings, translate });
    if (planned.kind === 'plan' && planned.plan.isAligned) return undefined;
    const found = touched.map(({ address }) => this.#world.space.unalignedAt(address)).find(Boolean);
    if (found === undefined) return undefined;
    if (found.answer === 'stop') {
      const why = `is not aligned, and ${found.name} is device memory to this host`;
      return { kind: 'refused', pc: cpu.pc, instruction: textOf(word), why };
    }
    if (found.answer === 'inject') {
      cpu.abort({ virtual: touched[0]!.virtual, status: DFSC_ALIGNMENT, isWrite: instruction.kind !== 'load' });
    } else if (planned.kind === 'fault') cpu.abort(planned);
    else {
      planned.plan.run();
      cpu.advance();
    }
    return { kind: 'done' };
  }

  /** No device takes such a write: that it was lost, the guest has to hear. */
  #writesReadOnly({ kind }: Instruction, planned: Planned): boolean {
    if (planned.kind !== 'plan' || kind === 'load') return false;
    return planned.plan.parts.some(({ address }) => this.#world.space.isReadOnly(address));
  }

  #surroundings(cpu: Cpu, { kind }: Instruction): Surroundings | undefined {
    if (kind === 'zero-block') this.#zeroBlockBytes ??= this.#world.zeroBlockBytes();
    if (kind === 'zero-block' && this.#zeroBlockBytes === undefined) return undefined;
    const { space } = this.#world;
    return {
      level: cpu.level,
      isBigEndian: cpu.isBigEndian,
      zeroBlockBytes: this.#zeroBlockBytes ?? 0,
      translate: (virtual, access) => cpu.translate(virtual, access),
      read: (address, size) => space.readMemory(address, size) ?? BigInt(space.readDevice(address, size)),
      write: (address, size, value) => {
        if (space.writeMemory(address, size, value)) return;
        space.writeDevice(address, size, size === 8 ? value : Number(value));
      },
    };
  }

  [Symbol.dispose](): void {
    this.#registers[Symbol.dispose]();
  }
}

function textOf(word: number | undefined): string {
  if (word === undefined) return 'an instruction that cannot be read';
  const instruction = decode(word);
  const hex = `0x${word.toString(16).padStart(8, '0')}`;
  return instruction === undefined ? `.inst ${hex}` : `${formatInstruction(instruction)} (${hex})`;
}

function isWhatFaulted(
  { kind }: Instruction,
  planned: Extract<Planned, { kind: 'plan' }>,
  address: GuestAddress,
  isWrite: boolean,
): boolean {
  if (kind === 'maintain') return true;
  const page = Math.floor(address / PAGE_BYTES);
  return (
    isWrite === (kind !== 'load') && planned.plan.parts.some((part) => Math.floor(part.address / PAGE_BYTES) === page)
  );
}

/** One vCPU, outside KVM_RUN: its registers, and how it sees memory. */
class Cpu implements Registers {
  readonly #vcpu: Vcpu;
  readonly #file: RegisterFile;
  readonly #world: UndecodedWorld;
  readonly pc: bigint;
  readonly #pstate: bigint;
  readonly #translation: TranslationRegisters;
  /** Where pages lie that were walked to. */
  readonly #pages = new Map<string, GuestAddress>();

  constructor(vcpu: Vcpu, file: RegisterFile, world: UndecodedWorld) {
    const get = (id: ids.RegisterId) => file.get(vcpu, id);
    this.#vcpu = vcpu;
    this.#file = file;
    this.#world = world;
    this.pc = get(ids.PC);
    this.#pstate = get(ids.PSTATE);
    this.#translation = new LazyRegisters(vcpu, file, (this.#pstate & PSTATE.PAN) !== 0n);
  }

  get is32Bit(): boolean {
    return (this.#pstate & PSTATE.NRW) !== 0n;
  }

  get level(): 0 | 1 {
    return (this.#pstate & PSTATE.EL1) !== 0n ? 1 : 0;
  }

  get isBigEndian(): boolean {
    return ((this.#translation.sctlr >> (this.level === 0 ? SCTLR.E0E : SCTLR.EE)) & 1n) !== 0n;
  }

  /** The instruction at the program counter, which is little-endian always. */
  fetch(): number | undefined {
    const place = this.translate(this.pc, { kind: 'fetch', level: this.level });
    const word = place.kind === 'mapped' ? this.#world.space.readMemory(place.address, 4) : undefined;
    return word === undefined ? undefined : Number(word);
  }

  /** A walk for each page and kind of access, not for each element of a vector. */
  translate(virtual: bigint, access: Access): Translation {
    const offset = Number(virtual & BigInt(PAGE_BYTES - 1));
    const key = `${virtual >> PAGE_BITS} ${access.kind} ${access.level}`;
    const known = this.#pages.get(key);
    if (known !== undefined) return { kind: 'mapped', address: known + offset };
    const read = (address: GuestAddress) => this.#world.space.readMemory(address, 8);
    const found = translate(this.#translation, read, virtual, access);
    if (found.kind === 'mapped') this.#pages.set(key, found.address - offset);
    return found;
  }

  /** The instruction has been carried out. */
  advance(): void {
    this.#file.set(this.#vcpu, ids.PC, this.pc + 4n);
    if ((this.#pstate & PSTATE.STEP) !== 0n) this.#file.set(this.#vcpu, ids.PSTATE, this.#pstate & ~PSTATE.STEP);
  }

  /** The guest's own tables refuse a part of it: the guest hears of that, as it would from hardware. */
  abort(fault: { readonly virtual: bigint; readonly status: number; readonly isWrite: boolean }): void {
    const vbar = this.#file.get(this.#vcpu, ids.VBAR_EL1);
    const taken = takeDataAbort({ pc: this.pc, pstate: this.#pstate, sctlr: this.#translation.sctlr, vbar }, fault);
    const set = (id: ids.RegisterId, value: bigint) => this.#file.set(this.#vcpu, id, value);
    set(ids.ELR_EL1, taken.elr);
    set(ids.SPSR_EL1, taken.spsr);
    set(ids.ESR_EL1, taken.esr);
    set(ids.FAR_EL1, taken.far);
    set(ids.PC, taken.pc);
    set(ids.PSTATE, taken.pstate);
  }

  getX(register: number): bigint {
    return register === 31 ? 0n : this.#file.get(this.#vcpu, ids.x(register));
  }

  setX(register: number, value: bigint): void {
    if (register !== 31) this.#file.set(this.#vcpu, ids.x(register), value);
  }

  /** PSTATE.SP says at EL1 which one it is. */
  get #spId(): ids.RegisterId {
    return this.level === 1 && (this.#pstate & 1n) !== 0n ? ids.SP_EL1 : ids.SP_EL0;
  }

  get sp(): bigint {
    return this.#file.get(this.#vcpu, this.#spId);
  }

  set sp(value: bigint) {
    this.#file.set(this.#vcpu, this.#spId, value);
  }

  getV(register: number): Uint8Array {
    return this.#file.getVector(this.#vcpu, register, this.#world.hasSve);
  }

  setV(register: number, bytes: Uint8Array): void {
    this.#file.setVector(this.#vcpu, register, bytes, this.#world.hasSve);
  }
}

/** What stage 1 is ruled by, each register read when it is asked for. */
class LazyRegisters implements TranslationRegisters {
  readonly #vcpu: Vcpu;
  readonly #file: RegisterFile;
  readonly #known = new Map<ids.RegisterId, bigint>();
  readonly isPan: boolean;

  constructor(vcpu: Vcpu, file: RegisterFile, isPan: boolean) {
    this.#vcpu = vcpu;
    this.#file = file;
    this.isPan = isPan;
  }

  get sctlr(): bigint {
    return this.#get(ids.SCTLR_EL1);
  }

  get tcr(): bigint {
    return this.#get(ids.TCR_EL1);
  }

  get ttbr0(): bigint {
    return this.#get(ids.TTBR0_EL1);
  }

  get ttbr1(): bigint {
    return this.#get(ids.TTBR1_EL1);
  }

  get isIndirect(): boolean {
    return ((this.#file.find(this.#vcpu, ids.TCR2_EL1) ?? 0n) & TCR2_PIE) !== 0n;
  }

  #get(id: ids.RegisterId): bigint {
    const value = this.#known.get(id) ?? this.#file.get(this.#vcpu, id);
    this.#known.set(id, value);
    return value;
  }
}
