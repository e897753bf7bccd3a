/** Names files that are given as kernel by mistake, so that the refusal says what they are and what to give instead. */
import { readPe } from './pe.ts';

export interface ForeignFile {
  /** Completes "it is …". */
  readonly what: string;
  /** Completes "…: give …": what to do instead. */
  readonly remedy: string;
}

const GIVE_IMAGE = 'give the arm64 kernel file (arch/arm64/boot/Image, or Debian’s /boot/vmlinuz of arm64)';
const GIVE_ARM64 = 'give a kernel that was built for arm64';
const GIVE_REPACKED = 'unpack it first, or give a plain, gzip or zstd compressed Image';
const TEXT = 'a text document (HTML or XML, perhaps the error page of a download)';

/** Magic numbers at fixed offsets, long enough not to be met as an AArch64 instruction at the start of a raw binary. */
const MAGICS: readonly { at: number; magic: string; what: string; remedy: string }[] = [
  // Documentation/arch/x86/boot.rst, "The real-mode kernel header"
  { at: 0x202, magic: 'HdrS', what: 'an x86 kernel (bzImage)', remedy: GIVE_ARM64 },
  // arch/arm/boot/compressed/head.S: magic 0x016f2818, in either byte order
  { at: 0x24, magic: '\x18\x28\x6f\x01', what: 'a 32-bit Arm kernel (zImage)', remedy: GIVE_ARM64 },
  { at: 0x24, magic: '\x01\x6f\x28\x18', what: 'a 32-bit big-endian Arm kernel (zImage)', remedy: GIVE_ARM64 },
  // Documentation/arch/riscv/boot-image-header.rst: magic2
  { at: 0x38, magic: 'RSC\x05', what: 'a RISC-V kernel (Image)', remedy: GIVE_ARM64 },
  // U-Boot doc/, include/image.h: IH_MAGIC; and a FIT image is a flattened device tree
  {
    at: 0,
    magic: '\x27\x05\x19\x56',
    what: 'a U-Boot uImage',
    remedy: `take the Image out of it (dumpimage) or ${GIVE_IMAGE}`,
  },
  {
    at: 0,
    magic: '\xd0\x0d\xfe\xed',
    what: 'a flattened device tree (a .dtb, or a U-Boot FIT image)',
    remedy: `take the Image out of a FIT (dumpimage) or ${GIVE_IMAGE}`,
  },
  {
    at: 0,
    magic: 'ANDROID!',
    what: 'an Android boot image',
    remedy: 'unpack it (unpack_bootimg) and give the kernel in it',
  },
  { at: 0, magic: '\xfd7zXZ\0', what: 'an xz compressed file', remedy: GIVE_REPACKED },
  { at: 4, magic: '1AY&SY', what: 'a bzip2 compressed file', remedy: GIVE_REPACKED },
  { at: 0, magic: '\x04\x22\x4d\x18', what: 'an lz4 compressed file', remedy: GIVE_REPACKED },
  { at: 0, magic: '\x02\x21\x4c\x18', what: 'an lz4 (legacy) compressed file', remedy: GIVE_REPACKED },
  // lzma-file-format.txt: the size field, all ones when unknown
  { at: 5, magic: '\xff'.repeat(8), what: 'an lzma compressed file', remedy: GIVE_REPACKED },
  { at: 0, magic: '\x89LZO', what: 'an lzop compressed file', remedy: GIVE_REPACKED },
  { at: 0, magic: 'PK\x03\x04', what: 'a zip archive', remedy: GIVE_REPACKED },
  { at: 257, magic: 'ustar', what: 'a tar archive', remedy: GIVE_REPACKED },
  {
    at: 0,
    magic: '!<arch>\n',
    what: 'a Debian package or ar archive',
    remedy: 'unpack it (dpkg-deb -x) and give the vmlinuz in it',
  },
  {
    at: 0,
    magic: '07070',
    what: 'a cpio archive (an initramfs)',
    remedy: `give it as kernel.initrd and ${GIVE_IMAGE}`,
  },
  { at: 0, magic: 'QFI\xfb', what: 'a qcow2 disk image', remedy: `give it as a block device and ${GIVE_IMAGE}` },
  // Documentation/filesystems/ext4/super.rst: s_magic, s_state clean
  {
    at: 0x438,
    magic: '\x53\xef\x01\0',
    what: 'an ext file system image',
    remedy: `give it as a block device and ${GIVE_IMAGE}`,
  },
  { at: 0, magic: '#!/', what: 'a script', remedy: GIVE_IMAGE },
  { at: 0, magic: '<!DO', what: TEXT, remedy: GIVE_IMAGE },
  { at: 0, magic: '<!do', what: TEXT, remedy: GIVE_IMAGE },
  { at: 0, magic: '<htm', what: TEXT, remedy: GIVE_IMAGE },
  { at: 0, magic: '<?xm', what: TEXT, remedy: GIVE_IMAGE },
];

/** EM_*, linux/elf-em.h. */
const EM_AARCH64 = 183;
const ELF_MACHINES: Readonly<Record<number, string>> = {
  3: '32-bit x86',
  8: 'MIPS',
  20: '32-bit PowerPC',
  21: 'PowerPC',
  22: 'S/390',
  40: '32-bit Arm',
  43: 'SPARC',
  62: 'x86-64',
  [EM_AARCH64]: 'arm64',
  243: 'RISC-V',
  258: 'LoongArch',
};

/** What the file that begins with `head` is, when it is something known that cannot be booted. */
export function nameForeignFile(head: Uint8Array): ForeignFile | undefined {
  if (head.length === 0) return { what: 'empty', remedy: GIVE_IMAGE };
  if (isElf(head)) return nameElf(head);
  for (const { at, magic, what, remedy } of MAGICS) if (startsWith(head, magic, at)) return { what, remedy };
  const pe = readPe(head);
  if (!pe || !startsWith(head, 'MZ')) return undefined;
  return { what: `an EFI application for ${pe.machineName}`, remedy: GIVE_IMAGE };
}

export function isElf(head: Uint8Array): boolean {
  return startsWith(head, '\x7fELF');
}

/** Whether `magic`, one character a byte, stands at `at`. */
export function startsWith(head: Uint8Array, magic: string, at = 0): boolean {
  if (at + magic.length > head.length) return false;
  for (let index = 0; index < magic.length; index++) if (head[at + index] !== magic.charCodeAt(index)) return false;
  return true;
}

/** ELF: EI_DATA at 5 (2 = big-endian), e_machine at 18. */
function nameElf(head: Uint8Array): ForeignFile {
  if (head.length < 20) return { what: 'the beginning of an ELF file', remedy: GIVE_IMAGE };
  const machine = new DataView(head.buffer, head.byteOffset).getUint16(18, head[5] !== 2);
  const name = ELF_MACHINES[machine] ?? `machine ${machine}`;
  if (machine !== EM_AARCH64) return { what: `an ELF file for ${name}`, remedy: GIVE_ARM64 };
  return {
    what: 'an arm64 ELF file (a vmlinux, or a program before objcopy)',
    remedy:
      'give arch/arm64/boot/Image of the same build; turn a bare-metal program into a raw binary with objcopy -O binary',
  };
}
