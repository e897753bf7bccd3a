/**
 * Arm PL011 UART (DDI 0183G), the guest's console. The line is infinitely fast: what is written to DR has left before
 * the write returns, and what is received was followed by silence. So the transmit FIFO is always empty and BUSY is 0.
 */
import { bit, bits } from '../base/bits.ts';
import { KiB } from '../base/units.ts';
import type { IrqLine } from '../bus/irq-line.ts';
import type { RegisterPageDevice, SharedPage } from '../bus/mmio-device.ts';
import { PrimeCell } from './prime-cell.ts';
import { FIFO_ENTRIES, ReceiveFifo } from './receive-fifo.ts';

/** Where the guest's output goes. */
export interface ByteSink {
  /** `bytes` are only valid during the call. */
  write(bytes: Uint8Array): void;
}

/** Registers, §3.2 table 3-1. */
export const Reg = {
  DR: 0x000 /* RW: data */,
  RSR: 0x004 /* RO: receive status; as ECR, WO: error clear */,
  FR: 0x018 /* RO: flags */,
  ILPR: 0x020 /* RW: IrDA low-power counter */,
  IBRD: 0x024 /* RW: integer baud rate */,
  FBRD: 0x028 /* RW: fractional baud rate */,
  LCR_H: 0x02c /* RW: line control */,
  CR: 0x030 /* RW: control */,
  IFLS: 0x034 /* RW: interrupt FIFO level select */,
  IMSC: 0x038 /* RW: interrupt mask */,
  RIS: 0x03c /* RO: raw interrupt status */,
  MIS: 0x040 /* RO: masked interrupt status */,
  ICR: 0x044 /* WO: interrupt clear */,
  DMACR: 0x048 /* RW: DMA control; there is no DMA controller to ask for anything */,
} as const;

/** Data register, §3.3.1: what a received character carries beside its 8 bits. RSR (§3.3.2) has the same, 8 lower. */
export const DR = { DATA: bits(7, 0), FE: bit(8), PE: bit(9), BE: bit(10), OE: bit(11) } as const;
const RSR = { CHARACTER: bits(2, 0), OE: bit(3) } as const;
/** Flag register, §3.3.3. */
export const FR = {
  CTS: bit(0),
  DSR: bit(1),
  DCD: bit(2),
  BUSY: bit(3),
  RXFE: bit(4),
  TXFF: bit(5),
  RXFF: bit(6),
  TXFE: bit(7),
  RI: bit(8),
} as const;
/** Line control, §3.3.7. Word length and parity do not matter here, nor must a guest set them before it prints. */
export const LCR_H = { BRK: bit(0), FEN: bit(4) } as const;
/**
 * Control, §3.3.8. The enable bits are kept but not obeyed: early consoles and small payloads made for other VMMs
 * print, and poll for input, without setting UARTEN.
 */
export const CR = { LBE: bit(7), DTR: bit(10), RTS: bit(11), OUT1: bit(12), OUT2: bit(13) } as const;
const IFLS = { RXIFLSEL: bits(5, 3) } as const;
/** Interrupts, the same bits in IMSC, RIS, MIS and ICR, §3.3.10–13. */
export const INT = {
  RI: bit(0),
  CTS: bit(1),
  DCD: bit(2),
  DSR: bit(3),
  RX: bit(4),
  TX: bit(5),
  RT: bit(6),
  FE: bit(7),
  PE: bit(8),
  BE: bit(9),
  OE: bit(10),
} as const;

/** Of the writable registers without further meaning: the bits that exist, and their values after reset. */
const PLAIN: Record<number, { mask: number; reset: number }> = {
  [Reg.ILPR]: { mask: bits(7, 0).mask, reset: 0 },
  [Reg.IBRD]: { mask: bits(15, 0).mask, reset: 0 },
  [Reg.FBRD]: { mask: bits(5, 0).mask, reset: 0 },
  [Reg.LCR_H]: { mask: bits(7, 0).mask, reset: 0 },
  [Reg.CR]: { mask: bits(15, 7).mask | bits(2, 0).mask, reset: 0x300 },
  [Reg.IFLS]: { mask: bits(5, 0).mask, reset: 0x12 },
  [Reg.IMSC]: { mask: bits(10, 0).mask, reset: 0 },
  [Reg.DMACR]: { mask: bits(2, 0).mask, reset: 0 },
};

/** Part 0x011, designer 0x41 (Arm), revision 1 (r1p1): from revision 3 on Linux takes the FIFOs to have 32 entries. */
const PERIPHERAL_ID = 0x0014_1011;
/** Receive trigger levels by IFLS.RXIFLSEL (§3.3.9): 1/8, 1/4, 1/2, 3/4, 7/8 full; the other values are reserved. */
const RX_LEVELS = [2, 4, 8, 12, 14, 14, 14, 14] as const;
/** The far end is always there: a terminal that is ready (CTS, DSR) and has a carrier (DCD). */
const MODEM_CONNECTED = FR.CTS | FR.DSR | FR.DCD;
const MODEM_LINES = [
  { input: FR.CTS, output: CR.RTS, interrupt: INT.CTS },
  { input: FR.DSR, output: CR.DTR, interrupt: INT.DSR },
  { input: FR.DCD, output: CR.OUT1, interrupt: INT.DCD },
  { input: FR.RI, output: CR.OUT2, interrupt: INT.RI },
] as const;
/** Output is handed on in pieces of this size, or whenever the machine says `flush`. */
const TX_BUFFER_BYTES = 4 * KiB;

export class Pl011 extends PrimeCell implements RegisterPageDevice {
  readonly name = 'pl011';
  readonly #irq: IrqLine;
  readonly #sink: ByteSink;
  readonly #onSpace: () => void;
  readonly #txBuffer = new Uint8Array(TX_BUFFER_BYTES);
  #txLength = 0;
  readonly #rx = new ReceiveFifo();
  /** `receive` has turned bytes away, so `onSpace` is owed. */
  #senderWaits = false;
  #pageIsReadable = true;

  /**
   * `onSpace` is called after `receive` turned bytes away, once there is room: inside a register access of the guest,
   * and it may call `receive` at once.
   */
  constructor(irq: IrqLine, sink: ByteSink, onSpace: () => void = () => {}) {
    super(PERIPHERAL_ID, Object.values(Reg));
    this.#irq = irq;
    this.#sink = sink;
    this.#onSpace = onSpace;
    this.#resetRegisters();
  }

  attachPage(page: SharedPage): void {
    this.#pageIsReadable = true;
    this.mirror(page);
    this.#rxChanged();
  }

  /** Everything as after power-on (§3.2, reset values), for a guest that reboots. Output before it is not lost. */
  reset(): void {
    this.flush();
    this.#rx.clear();
    this.#rx.depth = 1;
    this.#resetRegisters();
    this.#rxChanged();
    this.#offerSpace();
  }

  /** A guest's write to DR, also one that KVM coalesced. Goes to the sink at the next `flush`. */
  writeData(value: number): void {
    if (this.#txLength === TX_BUFFER_BYTES) this.flush();
    this.#txBuffer[this.#txLength++] = value;
    if (this.#loopback) this.#receiveOne(DR.DATA.get(value));
    // The level is crossed as the character leaves the FIFO; nothing but ICR lowers it again (§2.8.3, UARTTXINTR).
    this.#raise(INT.TX);
  }

  /** Hands the output so far to the sink: when the coalesced writes are drained, and after an exit. */
  flush(): void {
    if (this.#txLength === 0) return;
    const length = this.#txLength;
    this.#txLength = 0;
    this.#sink.write(this.#txBuffer.subarray(0, length));
  }

  /** Input for the guest. Takes what fits and returns how much that was; `onSpace` follows if it was not all. */
  receive(bytes: Uint8Array): number {
    // In loopback mode the input is disconnected (§3.3.8, LBE): the sender waits until it is back.
    const count = this.#loopback ? 0 : Math.min(bytes.length, this.#rx.depth - this.#rx.count);
    this.#senderWaits = count < bytes.length;
    let interrupts = 0;
    for (let i = 0; i < count; i++) interrupts |= this.#push(bytes[i]!);
    if (count > 0) this.#received(interrupts);
    return count;
  }

  /** A break on the line, one character 0 marked as such (§3.3.1, BE). Without room it is an overrun. */
  receiveBreak(): void {
    if (!this.#loopback) this.#receiveOne(DR.BE);
  }

  protected override readRegister(offset: number): number | undefined {
    return offset === Reg.DR ? this.#readData() : super.readRegister(offset);
  }

  protected override writeRegister(offset: number, value: number): void {
    switch (offset) {
      case Reg.DR:
        this.writeData(value);
        break;
      case Reg.RSR:
        this.set(Reg.RSR, 0);
        break;
      case Reg.ICR:
        this.#lower(value);
        break;
      case Reg.LCR_H:
        this.#writeLineControl(value & PLAIN[Reg.LCR_H]!.mask);
        break;
      case Reg.CR:
        this.#writeControl(value & PLAIN[Reg.CR]!.mask);
        break;
      default:
        if (PLAIN[offset] !== undefined) this.set(offset, (value & PLAIN[offset].mask) >>> 0);
        if (offset === Reg.IMSC) this.#interruptsChanged();
    }
  }

  #readData(): number {
    // What an empty FIFO reads is undefined; 0 is also what the register page holds here.
    if (this.#rx.isEmpty) return 0;
    const value = this.#rx.pop();
    this.set(Reg.RSR, (this.get(Reg.RSR) & RSR.OE) | RSR.CHARACTER.get(value >>> 8));
    // More is left and the line is silent: so a guest that takes one character per interrupt gets the next one.
    if (!this.#rx.isEmpty) this.#raise(INT.RT);
    this.#offerSpace();
    this.#rxChanged();
    return value;
  }

  #writeLineControl(value: number): void {
    const changed = value ^ this.get(Reg.LCR_H);
    this.set(Reg.LCR_H, value);
    if (changed & value & LCR_H.BRK && this.#loopback) this.#receiveOne(DR.BE);
    if (!(changed & LCR_H.FEN)) return;
    // Disabling the FIFOs empties them; on enabling, the holding register is their bottom entry (§2.4.3).
    if (!(value & LCR_H.FEN)) this.#rx.clear();
    this.#rx.depth = value & LCR_H.FEN ? FIFO_ENTRIES : 1;
    this.#rxChanged();
    this.#offerSpace();
  }

  #writeControl(value: number): void {
    const wasLoopback = this.#loopback;
    this.set(Reg.CR, value);
    this.#modemChanged();
    if (wasLoopback && !this.#loopback) this.#offerSpace();
  }

  get #loopback(): boolean {
    return (this.get(Reg.CR) & CR.LBE) !== 0;
  }

  get #rxLevel(): number {
    return this.#rx.depth === 1 ? 1 : RX_LEVELS[IFLS.RXIFLSEL.get(this.get(Reg.IFLS))]!;
  }

  #resetRegisters(): void {
    for (const [offset, { reset }] of Object.entries(PLAIN)) this.set(Number(offset), reset);
    this.set(Reg.RSR, 0);
    this.set(Reg.FR, MODEM_CONNECTED | FR.TXFE | FR.RXFE);
    this.set(Reg.RIS, 0);
    this.#interruptsChanged();
  }

  #receiveOne(value: number): void {
    this.#received(this.#push(value));
  }

  /** Puts one character into the FIFO, and returns the interrupts that this raises. */
  #push(value: number): number {
    if (!this.#rx.push(value)) {
      this.set(Reg.RSR, this.get(Reg.RSR) | RSR.OE);
      return INT.OE;
    }
    return (value & DR.BE ? INT.BE : 0) | (this.#rx.count === this.#rxLevel ? INT.RX : 0);
  }

  /** Characters have come, and nothing after them: the receive timeout (§2.8.4) has passed already. */
  #received(interrupts: number): void {
    this.#rxChanged();
    this.#raise(interrupts | INT.RT);
  }

  /** Brings what follows from the fill of the receive FIFO up to date: flags, interrupts (§2.8.2, 2.8.4), the page. */
  #rxChanged(): void {
    const { isEmpty, isFull } = this.#rx;
    // Reads exit before they have an effect, and are free only when everything else is settled.
    if (!isEmpty) this.#setPageReadable(false);
    const fill = (isEmpty ? FR.RXFE : 0) | (isFull ? FR.RXFF : 0);
    this.set(Reg.FR, (this.get(Reg.FR) & ~(FR.RXFE | FR.RXFF)) | fill);
    this.#lower((isEmpty ? INT.RT : 0) | (this.#rx.count < this.#rxLevel ? INT.RX : 0));
    if (isEmpty) this.#setPageReadable(true);
  }

  #setPageReadable(free: boolean): void {
    if (this.#pageIsReadable === free) return;
    this.#pageIsReadable = free;
    this.page?.setReadable(free);
  }

  /** Calls the sender back, not for every single character but when the guest has read below its trigger level. */
  #offerSpace(): void {
    if (!this.#senderWaits || this.#loopback || this.#rx.count >= this.#rxLevel) return;
    this.#senderWaits = false;
    this.#onSpace();
  }

  /** In loopback mode the modem outputs are the modem inputs (§3.3.8, LBE). */
  #modemChanged(): void {
    const outputs = this.get(Reg.CR);
    let interrupts = 0;
    for (const { input, output, interrupt } of MODEM_LINES) {
      const level = this.#loopback ? (outputs & output) !== 0 : (MODEM_CONNECTED & input) !== 0;
      if (level === ((this.get(Reg.FR) & input) !== 0)) continue;
      this.set(Reg.FR, this.get(Reg.FR) ^ input);
      interrupts |= interrupt;
    }
    this.#raise(interrupts);
  }

  #raise(interrupts: number): void {
    this.#setRawInterrupts(this.get(Reg.RIS) | interrupts);
  }

  #lower(interrupts: number): void {
    this.#setRawInterrupts(this.get(Reg.RIS) & ~interrupts);
  }

  #setRawInterrupts(interrupts: number): void {
    if (interrupts === this.get(Reg.RIS)) return;
    this.set(Reg.RIS, interrupts);
    this.#interruptsChanged();
  }

  /** Both status registers are right before the line (UARTINTR, §2.8.6) moves, for a handler looks at them first. */
  #interruptsChanged(): void {
    const before = this.get(Reg.MIS);
    const now = this.get(Reg.RIS) & this.get(Reg.IMSC);
    this.set(Reg.MIS, now);
    if (now !== 0 && before === 0) this.#irq.raise();
    if (now === 0 && before !== 0) this.#irq.lower();
  }
}
