/**
 * What Arm's PrimeCell peripherals (PL011, PL031, PL061) have in common: 4 KiB of 32-bit registers on the APB, the
 * last eight of which identify the peripheral. What reads return is kept in one array, so that it can be mirrored.
 */
import type { AccessSize, MmioDevice, SharedPage } from '../bus/mmio-device.ts';

const REGISTER_BYTES = 4 * 1024;

/** UARTPeriphID0…3 and UARTPCellID0…3, DDI 0183 §3.3.15–16, and the same in every PrimeCell: one byte in each word. */
export const PERIPH_ID0 = 0xfe0;
export const PCELL_ID0 = 0xff0;
/** "The 32-bit PrimeCell identification", least significant byte first. */
const PCELL_ID = 0xb105_f00d;

export abstract class PrimeCell implements MmioDevice {
  abstract readonly name: string;
  /** What a read of each word returns; a subclass may override single ones in `readRegister`. */
  readonly #words = new Uint32Array(REGISTER_BYTES / 4);
  readonly #exists = new Uint8Array(REGISTER_BYTES / 4);
  /** Where reads are answered without an exit, if they are. */
  protected page: SharedPage | undefined;

  /** `peripheralId` is UARTPeriphID3…0 as one number; `registers` are the offsets that exist, of words. */
  constructor(peripheralId: number, registers: Iterable<number>) {
    for (const offset of registers) this.#exists[offset / 4] = 1;
    for (let i = 0; i < 4; i++) {
      this.#identify(PERIPH_ID0 + 4 * i, (peripheralId >>> (8 * i)) & 0xff);
      this.#identify(PCELL_ID0 + 4 * i, (PCELL_ID >>> (8 * i)) & 0xff);
    }
  }

  read(offset: number, size: AccessSize): number | undefined {
    return size === 4 && offset % 4 === 0 ? this.readRegister(offset) : this.#readBytes(offset, size);
  }

  /** A narrow write sets the rest of the register to 0, for the APB has no byte lanes; an unaligned one is ignored. */
  write(offset: number, _size: AccessSize, value: number): undefined | false {
    if (offset % 4 !== 0 || this.#exists[offset / 4] !== 1) return false;
    this.writeRegister(offset, value);
  }

  /** The value of the register at `offset`, which is aligned; `undefined` if there is none. */
  protected readRegister(offset: number): number | undefined {
    return this.#exists[offset / 4] === 1 ? this.#words[offset / 4] : undefined;
  }

  /** A write to the register at `offset`, which exists. */
  protected abstract writeRegister(offset: number, value: number): void;

  protected get(offset: number): number {
    return this.#words[offset / 4]!;
  }

  /** From now on the register at `offset` reads `value`. */
  protected set(offset: number, value: number): void {
    if (this.#words[offset / 4] === value) return;
    this.#words[offset / 4] = value;
    this.page?.view.setUint32(offset, value, true);
    this.page?.publish();
  }

  /** Keeps `page` equal to what reads return, from now on. */
  protected mirror(page: SharedPage): void {
    this.page = page;
    this.#words.forEach((value, index) => {
      page.view.setUint32(4 * index, value, true);
    });
    page.publish();
  }

  #identify(offset: number, byte: number): void {
    this.#exists[offset / 4] = 1;
    this.#words[offset / 4] = byte;
  }

  /** Bytes at any place, as if the registers were little-endian words in memory. */
  #readBytes(offset: number, size: AccessSize): number | undefined {
    let value: number | undefined;
    for (let word = offset - (offset % 4); word < offset + size; word += 4) {
      const register = this.readRegister(word);
      if (register === undefined) continue;
      const shift = 8 * (word - offset);
      value = ((value ?? 0) | (shift < 0 ? register >>> -shift : register << shift)) >>> 0;
    }
    return value === undefined || size === 4 ? value : value & (2 ** (8 * size) - 1);
  }
}
