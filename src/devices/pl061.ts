/** Arm PL061 general-purpose I/O (DDI 0190B): eight pins, each an input, an output or an interrupt source. */
import { bit, bits } from '../base/bits.ts';
import type { IrqLine } from '../bus/irq-line.ts';
import { PrimeCell } from './prime-cell.ts';

/** Registers, §3.2 table 3-1. */
export const Reg = {
  DATA: 0x000 /* RW: data, at 0x000–0x3fc: bits 9:2 of the address select the pins */,
  DIR: 0x400 /* RW: direction, 1 = output */,
  IS: 0x404 /* RW: interrupt sense, 1 = level */,
  IBE: 0x408 /* RW: interrupt on both edges */,
  IEV: 0x40c /* RW: interrupt event, 1 = rising edge or high level */,
  IE: 0x410 /* RW: interrupt mask, 1 = enabled */,
  RIS: 0x414 /* RO: raw interrupt status */,
  MIS: 0x418 /* RO: masked interrupt status */,
  IC: 0x41c /* WO: interrupt clear, of edges */,
  AFSEL: 0x420 /* RW: mode control select; nothing but software drives the pins here */,
} as const;

const PINS = bits(7, 0).mask;
/** The pins that an access to GPIODATA is about, as bits of its address, §3.3.1. */
const DATA_ADDRESS = bits(9, 2);

/** Part 0x061, designer 0x41 (Arm), revision 0. */
const PERIPHERAL_ID = 0x0004_1061;

export class Pl061 extends PrimeCell {
  readonly name = 'pl061';
  readonly #irq: IrqLine;
  /** What the world outside puts on each pin, whatever its direction. */
  #inputs = 0;
  /** What the guest last wrote for each pin. */
  #outputs = 0;
  /** Edges seen and not cleared. */
  #edges = 0;

  constructor(irq: IrqLine) {
    const registers: number[] = Object.values(Reg);
    for (let offset = Reg.DATA + 4; offset <= DATA_ADDRESS.mask; offset += 4) registers.push(offset);
    super(PERIPHERAL_ID, registers);
    this.#irq = irq;
  }

  /** The world outside drives pin `line` (0…7) high or low. */
  setInput(line: number, level: boolean): void {
    const before = this.#inputs;
    this.#inputs = level ? before | bit(line) : before & ~bit(line);
    const rising = this.#inputs & ~before;
    const falling = before & ~this.#inputs;
    const both = (rising | falling) & this.get(Reg.IBE);
    const single = (rising & this.get(Reg.IEV)) | (falling & ~this.get(Reg.IEV));
    this.#edges |= (both | single) & ~this.get(Reg.IS) & ~this.get(Reg.DIR);
    this.#interruptsChanged();
  }

  /** Registers as after power-on (all 0); what is on the inputs is not the guest's, and stays. */
  reset(): void {
    this.#outputs = 0;
    this.#edges = 0;
    for (const offset of Object.values(Reg)) this.set(offset, 0);
    this.#interruptsChanged();
  }

  protected override readRegister(offset: number): number | undefined {
    if (offset > DATA_ADDRESS.mask) return super.readRegister(offset);
    const outputs = this.get(Reg.DIR);
    return ((this.#outputs & outputs) | (this.#inputs & ~outputs)) & DATA_ADDRESS.get(offset);
  }

  protected override writeRegister(offset: number, value: number): void {
    if (offset <= DATA_ADDRESS.mask) {
      const pins = DATA_ADDRESS.get(offset);
      this.#outputs = (this.#outputs & ~pins) | (value & pins);
    } else if (offset === Reg.IC) {
      this.#edges &= ~value;
    } else if (offset <= Reg.AFSEL && offset !== Reg.RIS && offset !== Reg.MIS) {
      this.set(offset, value & PINS);
    }
    this.#interruptsChanged();
  }

  /** A level interrupt follows its pin, an edge stays until cleared (§3.3.3–9). */
  #interruptsChanged(): void {
    const sense = this.get(Reg.IS) & ~this.get(Reg.DIR);
    const levels = ~(this.#inputs ^ this.get(Reg.IEV)) & sense;
    this.set(Reg.RIS, (this.#edges & ~this.get(Reg.IS)) | levels);
    const status = this.get(Reg.RIS) & this.get(Reg.IE);
    this.set(Reg.MIS, status);
    if (status !== 0) this.#irq.raise();
    else this.#irq.lower();
  }
}
