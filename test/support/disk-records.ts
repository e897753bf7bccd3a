/** The records that guests/linux/agent/disk.c writes: which of them a disk image does not have. */
import { readFile } from 'node:fs/promises';

export const RECORD_BYTES = 4096;

/** The last record that the guest was told is safe, by what it printed. */
export function lastSafeRecord(output: string): number {
  // A line that was cut off counts for nothing.
  return Math.max(0, ...[...output.matchAll(/ORKO-SAFE (\d+)\r?\n/g)].map(([, number]) => Number(number)));
}

/** Those of records 1 … `last` that are not whole in the image. */
export async function missingRecords(image: string, last: number): Promise<number[]> {
  const bytes = await readFile(image);
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, Math.floor(bytes.length / 4));
  const wordsEach = RECORD_BYTES / 4;
  const isWhole = (number: number) => {
    const record = words.subarray(number * wordsEach, (number + 1) * wordsEach);
    const checksum = Math.imul(~number, 2654435761) >>> 0;
    return record.length === wordsEach && record.every((word, index) => word === (index % 2 === 0 ? number : checksum));
  };
  return Array.from({ length: last }, (_, index) => index + 1).filter((number) => !isWhole(number));
}
