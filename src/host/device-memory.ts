/**
 * Memory of a device that we have mapped, in single accesses. koffi's compiled code makes each by one load or store of its type,
 * so the device sees the width that is asked for. What V8 makes of a typed array is not ours to choose, and the C library's
 * memcpy stores the same word twice.
 */
import { koffi } from './koffi.ts';
import type { HostPointer } from './libc.ts';

type AccessSize = 1 | 2 | 4 | 8;

const TYPES = { 1: 'uint8_t', 2: 'uint16_t', 4: 'uint32_t', 8: 'uint64_t' } as const;

/** Zero-extended. `pointer` is a multiple of `size`, bytes. */
export function readDeviceMemory(pointer: HostPointer, size: AccessSize): bigint {
  return BigInt(koffi.decode(pointer, TYPES[size]));
}

export function writeDeviceMemory(pointer: HostPointer, size: AccessSize, value: bigint): void {
  koffi.encode(pointer, TYPES[size], value);
}
