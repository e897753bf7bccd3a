/**
 * A PCI device of a nested host whose BAR 2 shows a file of the test run (an ivshmem-plain of QEMU's): what a guest finds there was
 * written outside of the host, and what it leaves is read there.
 */
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MiB } from '../../src/base/units.ts';

export const SHARED_BAR = { address: '0000:00:1b.0', bar: 2, size: MiB } as const;

const fileOf = (folder: string, host: string): string => join(folder, `${host}.bar`);

/** Words for QEMU. `folder`: of the test run. */
export function sharedBarArguments(folder: string, host: string): readonly string[] {
  const memory = `memory-backend-file,id=bar,mem-path=${fileOf(folder, host)},size=${SHARED_BAR.size},share=on`;
  return ['-object', memory, '-device', 'ivshmem-plain,memdev=bar,addr=0x1b'];
}

/** The file keeps its size, which QEMU has mapped. */
export async function fillSharedBar(folder: string, host: string, byteAt: (offset: number) => number): Promise<void> {
  await using file = await open(fileOf(folder, host), 'r+');
  await file.write(
    Uint8Array.from({ length: SHARED_BAR.size }, (_, offset) => byteAt(offset)),
    0,
    SHARED_BAR.size,
    0,
  );
}

export async function readSharedBar(folder: string, host: string): Promise<DataView> {
  const { buffer, byteOffset, byteLength } = await readFile(fileOf(folder, host));
  return new DataView(buffer, byteOffset, byteLength);
}
