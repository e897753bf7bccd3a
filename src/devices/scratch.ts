/**
 * Memory that always exits, of our own making: the first half keeps what the guest writes, the second says which accesses
 * arrived. With it drivers and bare-metal code can be tried, and the emulation of instructions is (docs/device-memory.md).
 */
import { KiB } from '../base/units.ts';
import type { AccessSize, MmioDevice } from '../bus/mmio-device.ts';

/** Bytes of the device, and of its memory. */
export const SCRATCH_BYTES = 64 * KiB;
const MEMORY_BYTES = 32 * KiB;

/** Behind the memory: registers of 8 bytes, to be read as a whole or in halves. */
export const Reg = {
  /** RW: accesses to the memory since the last write to it, whatever was written. */
  COUNT: 0x8000,
  /** RO: two for each of the first accesses: where and how, then the value. */
  RECORDS: 0x9000,
} as const;
const RECORDS_MAX = 256;
const RECORD_BYTES = 16;
/** Of the first half of a record: the offset is in bits 31:0, the size in 39:32. */
const SIZE_SHIFT = 32n;
const IS_WRITE = 1n << 40n;

export class Scratch implements MmioDevice {
  readonly name = 'scratch';
  readonly #memory = new DataView(new ArrayBuffer(MEMORY_BYTES));
  #count = 0;
  readonly #records = new BigUint64Array(RECORDS_MAX * 2);

  reset(): void {
    new Uint8Array(this.#memory.buffer).fill(0);
    this.#count = 0;
  }

  read(offset: number, size: AccessSize): number | undefined {
    if (offset + size <= MEMORY_BYTES) {
      const value = size === 4 ? this.#memory.getUint32(offset, true) : this.#readSmall(offset, size);
      this.#record(offset, size, 0n, BigInt(value));
      return value;
    }
    const register = this.#register(offset - (offset % 8));
    if (register === undefined || (offset % 8) + size > 8) return undefined;
    return Number(BigInt.asUintN(size * 8, register >> BigInt((offset % 8) * 8)));
  }

  write(offset: number, size: AccessSize, value: number): boolean {
    if (offset === Reg.COUNT) this.#count = 0;
    if (offset + size > MEMORY_BYTES) return offset === Reg.COUNT;
    if (size === 4) this.#memory.setUint32(offset, value, true);
    else if (size === 2) this.#memory.setUint16(offset, value, true);
    else this.#memory.setUint8(offset, value);
    this.#record(offset, size, IS_WRITE, BigInt(value));
    return true;
  }

  read64(offset: number): bigint {
    if (offset + 8 > MEMORY_BYTES) return this.#register(offset) ?? 0n;
    const value = this.#memory.getBigUint64(offset, true);
    this.#record(offset, 8, 0n, value);
    return value;
  }

  write64(offset: number, value: bigint): void {
    if (offset === Reg.COUNT) this.#count = 0;
    if (offset + 8 > MEMORY_BYTES) return;
    this.#memory.setBigUint64(offset, value, true);
    this.#record(offset, 8, IS_WRITE, value);
  }

  #readSmall(offset: number, size: AccessSize): number {
    return size === 2 ? this.#memory.getUint16(offset, true) : this.#memory.getUint8(offset);
  }

  #register(offset: number): bigint | undefined {
    if (offset === Reg.COUNT) return BigInt(this.#count);
    if (offset % 8 !== 0 || offset < Reg.RECORDS) return undefined;
    return this.#records[(offset - Reg.RECORDS) / 8];
  }

  #record(offset: number, size: number, direction: bigint, value: bigint): void {
    if (this.#count < RECORDS_MAX) {
      const index = this.#count * (RECORD_BYTES / 8);
      this.#records[index] = BigInt(offset) | (BigInt(size) << SIZE_SHIFT) | direction;
      this.#records[index + 1] = value;
    }
    this.#count++;
  }
}
