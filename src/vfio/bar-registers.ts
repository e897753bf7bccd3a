/** Two ways to a BAR for an access that the guest does not make by itself, each in accesses of the width that is asked for. */
import { alignedAccessSize } from '../base/bits.ts';
import { readDeviceMemory, writeDeviceMemory } from '../host/device-memory.ts';
import type { HostPointer } from '../host/libc.ts';
import type { VfioDevice, VfioRegion } from './device.ts';

type AccessSize = 1 | 2 | 4 | 8;

/** Offsets are those in the BAR, and may be unaligned; what is read is zero-extended. */
export interface Registers {
  /** Undefined when the device does not answer. */
  read(offset: number, size: AccessSize): number | bigint | undefined;
  /** False when the device does not take it. */
  write(offset: number, size: AccessSize, value: number | bigint): boolean;
}

/** By the file of the device: the host's kernel accesses the BAR. */
export class FileRegisters implements Registers {
  readonly #device: VfioDevice;
  readonly #region: VfioRegion;

  constructor(device: VfioDevice, region: VfioRegion) {
    this.#device = device;
    this.#region = region;
  }

  read(offset: number, size: AccessSize): number | bigint | undefined {
    return this.#device.read(this.#region, offset, size);
  }

  write(offset: number, size: AccessSize, value: number | bigint): boolean {
    return this.#device.write(this.#region, offset, size, value);
  }
}

/** By a mapping of all of the BAR, for as long as there is one. */
export class MappedRegisters implements Registers {
  readonly #pointer: HostPointer;

  constructor(pointer: HostPointer) {
    this.#pointer = pointer;
  }

  read(offset: number, size: AccessSize): bigint {
    let value = 0n;
    for (const part of alignedParts(offset, size)) {
      value |= readDeviceMemory(this.#pointer + BigInt(part.offset), part.size) << BigInt(8 * (part.offset - offset));
    }
    return value;
  }

  write(offset: number, size: AccessSize, value: number | bigint): boolean {
    for (const part of alignedParts(offset, size)) {
      const bits = BigInt.asUintN(8 * part.size, BigInt(value) >> BigInt(8 * (part.offset - offset)));
      writeDeviceMemory(this.#pointer + BigInt(part.offset), part.size, bits);
    }
    return true;
  }
}

/** In the order of the addresses, each as large as its own offset and what is left allow. */
export function alignedParts(offset: number, size: AccessSize): readonly { offset: number; size: AccessSize }[] {
  const parts: { offset: number; size: AccessSize }[] = [];
  for (let done = 0; done < size; done += parts.at(-1)!.size) {
    parts.push({ offset: offset + done, size: alignedAccessSize(offset + done, size - done) });
  }
  return parts;
}
