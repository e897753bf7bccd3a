/**
 * The EFI zboot wrapper (the kernel's drivers/firmware/efi/libstub/zboot-header.S): an EFI application that carries a
 * compressed Image and says in its first bytes where. Debian, Fedora and Ubuntu ship such files as vmlinuz.
 */
import { struct, u32, unpack } from '../base/layout.ts';

const MZ = 0x5a4d; // the low half of a 32-bit word: the high half is 0 in zboot, code in other files
const ZIMG = 0x676d697a; // "zimg"
const COMPRESSION_AT = 24;
/** The string ends before the word at 0x38, which holds LINUX_PE_MAGIC. */
const COMPRESSION_BYTES_MAX = 0x38 - COMPRESSION_AT;

const ZBOOT_HEADER = struct(0x38, { mz: u32(0), zimg: u32(4), payload_offset: u32(8), payload_size: u32(12) });

export interface Zboot {
  readonly payloadOffset: number;
  readonly payloadBytes: number;
  /** As the kernel's Makefile.zboot spells it: gzip, zstd22, lz4, lzma, lzo, xzkern. */
  readonly compression: string;
}

/** The zboot header of the file that begins with `head`, or undefined when it is something else. */
export function readZboot(head: Uint8Array): Zboot | undefined {
  if (head.length < ZBOOT_HEADER.size) return undefined;
  const header = unpack(ZBOOT_HEADER, head);
  if ((header.mz & 0xffff) !== MZ || header.zimg !== ZIMG) return undefined;
  const field = head.subarray(COMPRESSION_AT, COMPRESSION_AT + COMPRESSION_BYTES_MAX);
  const end = field.indexOf(0);
  return {
    payloadOffset: header.payload_offset,
    payloadBytes: header.payload_size,
    compression: String.fromCharCode(...field.subarray(0, end < 0 ? field.length : end)),
  };
}
