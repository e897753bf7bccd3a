/** The numbers of the flattened device tree format that reader and writer share (Devicetree Specification 0.4 §5). */

export const FDT_MAGIC = 0xd00dfeed;
/** The version we write, and the oldest version whose readers can read it: the format has not changed since 2007. */
export const FDT_VERSION = 17;
export const FDT_LAST_COMPATIBLE_VERSION = 16;

/** struct fdt_header, §5.2: big-endian words at these offsets. */
export const Header = {
  magic: 0x00,
  totalsize: 0x04,
  off_dt_struct: 0x08,
  off_dt_strings: 0x0c,
  off_mem_rsvmap: 0x10,
  version: 0x14,
  last_comp_version: 0x18,
  boot_cpuid_phys: 0x1c,
  size_dt_strings: 0x20,
  size_dt_struct: 0x24,
} as const;
export const HEADER_SIZE = 0x28;

/** struct fdt_reserve_entry, §5.3: two 64-bit words; a pair of zeros ends the block, which is 8-byte aligned. */
export const RESERVATION_SIZE = 16;

/** Tokens of the structure block, §5.4.1, which is 4-byte aligned. */
export const FDT_BEGIN_NODE = 1;
export const FDT_END_NODE = 2;
export const FDT_PROP = 3;
export const FDT_NOP = 4;
export const FDT_END = 9;
