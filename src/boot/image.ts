/**
 * Recognises a kernel file by its bytes: an arm64 Image (the kernel's Documentation/arch/arm64/booting.rst §4), plain or
 * wrapped by gzip, zstd or EFI zboot, or a raw binary. Everything else is refused and named for what it is.
 * A plain file is recognised from its head, so that the rest can be read straight into guest RAM.
 */
import { bit, bits } from '../base/bits.ts';
import { ConfigError } from '../base/errors.ts';
import { struct, u32, u64, unpack } from '../base/layout.ts';
import { formatSize, GiB, KiB, MiB } from '../base/units.ts';
import { isElf, nameForeignFile, startsWith } from './foreign-file.ts';
import { IMAGE_FILE_MACHINE_ARM64, readPe } from './pe.ts';
import { readZboot } from './zboot.ts';

/** How much of the file `inspectKernel` wants to see: all headers it knows lie in the first page. */
export const KERNEL_HEAD_BYTES = 4 * KiB;
/** What a wrapped kernel may unpack to: arm64 kernels are tens of MiB; a bomb must not take the host's memory. */
const UNPACKED_BYTES_MAX = GiB;
/** zboot around gzip around an Image is two; more than this is a mistake or an attack. */
const WRAPPINGS_MAX = 4;

const IMAGE_HEADER = struct(64, {
  text_offset: u64(8),
  image_size: u64(16),
  flags: u64(24),
  magic: u32(56),
  res5: u32(60),
});
const IMAGE_MAGIC = 0x644d5241; // "ARM\x64"
const FLAGS = { BIG_ENDIAN: bit(0), PAGE_SIZE: bits(2, 1) } as const;
/** Indexed by FLAGS.PAGE_SIZE; 0 means unspecified. */
const PAGE_SIZES = [undefined, 4096, 16384, 65536] as const;
/** "Where image_size is zero, text_offset can be assumed to be 0x80000" (kernels before 3.17). */
const TEXT_OFFSET_BEFORE_3_17 = 0x80000n;
/** A header that claims more than this is damaged: the kernel's own limit is the 2 GiB module window. */
const IMAGE_SIZE_MAX = 4 * GiB;

const GZIP_MAGIC = '\x1f\x8b';
const ZSTD_MAGIC = '\x28\xb5\x2f\xfd';
/** A file of this name that nothing else claims is a raw binary: objcopy -O binary is told to write such names. */
const RAW_NAME = /\.bin(\.gz|\.zst)?$/i;

/** `auto`: by the bytes. `image`: an Image, its sizes taken as they are. `raw`: the bytes as they are, whatever they say. */
export type KernelFormat = 'auto' | 'image' | 'raw';

export interface KernelFile {
  /** As the user wrote it, for messages. */
  readonly name: string;
  readonly format: KernelFormat;
  readonly sizeBytes: number;
  /** The first KERNEL_HEAD_BYTES, or the whole file when it is shorter. */
  readonly head: Uint8Array;
}

export interface ImageKernel {
  readonly kind: 'image';
  /** Bytes to load. */
  readonly fileBytes: number;
  /** Bytes that must be free for it from its first byte, .bss included. */
  readonly memoryBytes: number;
  /** Whether the header said `memoryBytes`; otherwise the kernel takes an unknown amount after its end. */
  readonly memoryKnown: boolean;
  /** Distance from a 2 MiB aligned base. */
  readonly textOffset: number;
  /** The page size the kernel was built for, when its header says so. */
  readonly pageBytes: 4096 | 16384 | 65536 | undefined;
}

/** No header: loaded where QEMU's virt machine loads it, entered at its first byte. */
export interface RawKernel {
  readonly kind: 'raw';
  readonly fileBytes: number;
}

export type Kernel = ImageKernel | RawKernel;

/** What the edge does with node:zlib. A fault is an answer, so that this file words the refusal. */
export interface Decompressors {
  gunzip(packed: Uint8Array, unpackedBytesMax: number): Uint8Array | UnpackFault;
  unzstd(packed: Uint8Array, unpackedBytesMax: number): Uint8Array | UnpackFault;
}
export type UnpackFault = 'truncated' | 'damaged' | 'too-large';

/** What `file` is; `packed` means: read all of it and call `unpackKernel`. Throws ConfigError for what cannot be booted. */
export function inspectKernel(file: KernelFile): Kernel | { readonly kind: 'packed' } {
  const { head, sizeBytes, format } = file;
  if (format === 'raw' && sizeBytes > 0 && !isElf(head)) return { kind: 'raw', fileBytes: sizeBytes };
  if (wrappingOf(file)) return { kind: 'packed' };
  const image = readImage(file);
  if (image) return image;
  const foreign = nameForeignFile(head);
  if (foreign) throw refuse(file, `it is ${foreign.what}`, foreign.remedy);
  if (format === 'auto' && RAW_NAME.test(file.name)) return { kind: 'raw', fileBytes: sizeBytes };
  throw refuse(
    file,
    'it has no arm64 Image header and is of no known kind',
    'give arch/arm64/boot/Image; for a bare-metal binary say kernel.format: raw, or name it .bin',
  );
}

/** Takes all wrappings off a file whose `bytes` are complete: what is left, and what it is. */
export function unpackKernel(
  file: KernelFile,
  bytes: Uint8Array,
  decompressors: Decompressors,
): { kernel: Kernel; bytes: Uint8Array } {
  let content = bytes;
  for (let depth = 0; depth <= WRAPPINGS_MAX; depth++) {
    const layer = { ...file, sizeBytes: content.length, head: content.subarray(0, KERNEL_HEAD_BYTES) };
    const kernel = inspectKernel(layer);
    if (kernel.kind !== 'packed') return { kernel, bytes: content };
    content = unwrap(layer, content, decompressors);
  }
  throw refuse(file, `it is compressed more than ${WRAPPINGS_MAX} times over`, 'give the Image itself');
}

interface Wrapping {
  readonly method: 'gzip' | 'zstd';
  readonly offset: number;
  readonly packedBytes: number;
  readonly name: string;
}

function wrappingOf(file: KernelFile): Wrapping | undefined {
  const { head, sizeBytes } = file;
  if (startsWith(head, GZIP_MAGIC)) return { method: 'gzip', offset: 0, packedBytes: sizeBytes, name: 'gzip' };
  if (isZstd(head)) return { method: 'zstd', offset: 0, packedBytes: sizeBytes, name: 'zstd' };
  const zboot = readZboot(head);
  if (!zboot) return undefined;
  const pe = readPe(head);
  if (pe && pe.machine !== IMAGE_FILE_MACHINE_ARM64)
    throw refuse(file, `it is an EFI zboot kernel for ${pe.machineName}`, 'give a kernel that was built for arm64');
  const { payloadOffset, payloadBytes, compression } = zboot;
  if (payloadOffset + payloadBytes > sizeBytes)
    throw truncated(file, `its header places the compressed kernel up to byte ${payloadOffset + payloadBytes}`);
  // The kernel calls its zstd method "zstd22" after the level; other builders write "zstd".
  const method = compression === 'gzip' ? 'gzip' : compression.startsWith('zstd') ? 'zstd' : undefined;
  if (!method) {
    throw refuse(
      file,
      `it is an EFI zboot kernel compressed with ${compression || 'an unnamed method'}, which orko-vmm cannot unpack`,
      'give the plain Image, or build the kernel with CONFIG_KERNEL_GZIP or CONFIG_KERNEL_ZSTD',
    );
  }
  return { method, offset: payloadOffset, packedBytes: payloadBytes, name: `EFI zboot (${compression})` };
}

/** A zstd frame, or a skippable one before it, which pzstd writes (RFC 8878 §3.1). */
function isZstd(head: Uint8Array): boolean {
  return startsWith(head, ZSTD_MAGIC) || (startsWith(head, '\x2a\x4d\x18', 1) && (head[0]! & 0xf0) === 0x50);
}

function unwrap(file: KernelFile, bytes: Uint8Array, decompressors: Decompressors): Uint8Array {
  const { method, offset, packedBytes, name } = wrappingOf(file)!;
  const packed = bytes.subarray(offset, offset + packedBytes);
  const unpacked =
    method === 'gzip'
      ? decompressors.gunzip(packed, UNPACKED_BYTES_MAX)
      : decompressors.unzstd(packed, UNPACKED_BYTES_MAX);
  switch (unpacked) {
    case 'truncated':
      throw truncated(file, `its ${name} data does not end`);
    case 'damaged':
      throw refuse(file, `its ${name} data is damaged`, 'build, copy or download it again');
    case 'too-large':
      throw refuse(file, `it unpacks to more than ${formatSize(UNPACKED_BYTES_MAX)}`, 'give a kernel');
    default:
      return unpacked;
  }
}

function readImage(file: KernelFile): ImageKernel | undefined {
  const { head, sizeBytes } = file;
  if (head.length < IMAGE_HEADER.size) return undefined;
  const header = unpack(IMAGE_HEADER, head);
  if (header.magic !== IMAGE_MAGIC) return undefined;
  const flags = Number(header.flags & 0xffff_ffffn);
  if (flags & FLAGS.BIG_ENDIAN)
    throw refuse(file, 'it is a big-endian arm64 kernel', 'build it with CONFIG_CPU_LITTLE_ENDIAN');
  // Before 3.17 image_size is zero and text_offset may be in the kernel's own byte order
  const textOffset = header.image_size > 0n ? header.text_offset : TEXT_OFFSET_BEFORE_3_17;
  if (header.image_size > IMAGE_SIZE_MAX || textOffset > IMAGE_SIZE_MAX)
    throw refuse(file, 'the sizes in its Image header are impossible', 'build, copy or download it again');
  const imageSize = Number(header.image_size);
  checkComplete(file, imageSize);
  return {
    kind: 'image',
    fileBytes: sizeBytes,
    memoryBytes: Math.max(imageSize, sizeBytes),
    memoryKnown: imageSize > 0,
    textOffset: Number(textOffset),
    pageBytes: PAGE_SIZES[FLAGS.PAGE_SIZE.get(flags) as 0 | 1 | 2 | 3],
  };
}

/**
 * image_size counts .bss, which the file does not hold, so it cannot tell a cut file from a whole one. The EFI header
 * can: it lists the file's sections. Without one (CONFIG_EFI=n) only a file that would be mostly .bss is refused.
 */
function checkComplete(file: KernelFile, imageSize: number): void {
  const sectionsEnd = readPe(file.head)?.fileBytes ?? 0;
  if (sectionsEnd > file.sizeBytes) throw truncated(file, `its header describes ${sectionsEnd} bytes`);
  if (file.format === 'image' || sectionsEnd > 0) return;
  if (imageSize >= 2 * MiB && file.sizeBytes < imageSize / 2) {
    throw truncated(file, `its header asks for ${imageSize} bytes`, ' (kernel.format: image boots it all the same)');
  }
}

function truncated(file: KernelFile, expected: string, otherwise = ''): ConfigError {
  return refuse(
    file,
    `it is truncated: ${expected}, the file has ${file.sizeBytes}`,
    `build, copy or download it again${otherwise}`,
  );
}

function refuse(file: KernelFile, problem: string, remedy: string): ConfigError {
  return new ConfigError(`Cannot boot ${file.name}: ${problem}: ${remedy}`, { keyPath: 'kernel.image' });
}
