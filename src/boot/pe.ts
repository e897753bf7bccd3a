/**
 * The PE/COFF header that EFI-bootable kernels carry (UEFI 2.10 §2.1.1; the kernel's include/linux/pe.h): read only to
 * learn which machine a file is for and how long it must be. Nothing is ever loaded by it.
 */
import { struct, u16, u32, unpack } from '../base/layout.ts';

/** Where the offset of the PE header stands in every file that begins with "MZ". */
const PE_OFFSET_AT = 0x3c;
const PE_MAGIC = 0x4550; // "PE\0\0"

const PE_HEADER = struct(24, { magic: u32(0), machine: u16(4), sections: u16(6), opt_hdr_size: u16(20) });
const SECTION_HEADER = struct(40, { raw_data_size: u32(16), data_addr: u32(20) });

export const IMAGE_FILE_MACHINE_ARM64 = 0xaa64;

/** Machine types, Microsoft PE format, "Machine types". */
const MACHINE_NAMES: Readonly<Record<number, string>> = {
  [IMAGE_FILE_MACHINE_ARM64]: 'arm64',
  34404: 'x86-64',
  332: '32-bit x86',
  448: '32-bit Arm',
  450: '32-bit Arm',
  452: '32-bit Arm',
  20530: '32-bit RISC-V',
  20580: 'RISC-V',
  25138: '32-bit LoongArch',
  25188: 'LoongArch',
};

export interface PeFile {
  readonly machine: number;
  /** For a sentence: "x86-64". */
  readonly machineName: string;
  /** The end of the last section that the file must hold; undefined when the section table is beyond `head`. */
  readonly fileBytes: number | undefined;
}

/** The PE header of the file that begins with `head`, or undefined when it has none there. */
export function readPe(head: Uint8Array): PeFile | undefined {
  if (head.length < PE_OFFSET_AT + 4) return undefined;
  const at = new DataView(head.buffer, head.byteOffset).getUint32(PE_OFFSET_AT, true);
  if (at + PE_HEADER.size > head.length) return undefined;
  const pe = unpack(PE_HEADER, head.subarray(at));
  if (pe.magic !== PE_MAGIC) return undefined;
  const machineName = MACHINE_NAMES[pe.machine] ?? `machine 0x${pe.machine.toString(16)}`;
  return {
    machine: pe.machine,
    machineName,
    fileBytes: endOfSections(head, at + PE_HEADER.size + pe.opt_hdr_size, pe),
  };
}

function endOfSections(head: Uint8Array, tableAt: number, pe: { sections: number }): number | undefined {
  if (tableAt + pe.sections * SECTION_HEADER.size > head.length) return undefined;
  let end = 0;
  for (let index = 0; index < pe.sections; index++) {
    const section = unpack(SECTION_HEADER, head.subarray(tableAt + index * SECTION_HEADER.size));
    if (section.raw_data_size > 0) end = Math.max(end, section.data_addr + section.raw_data_size);
  }
  return end;
}
