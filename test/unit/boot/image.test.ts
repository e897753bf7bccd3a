import { execFileSync } from 'node:child_process';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../../src/base/errors.ts';
import { KiB, MiB } from '../../../src/base/units.ts';
import {
  inspectKernel,
  KERNEL_HEAD_BYTES,
  type Kernel,
  type KernelFormat,
  unpackKernel,
} from '../../../src/boot/image.ts';
import { zlibDecompressors } from '../../../src/machine/decompress.ts';

interface ImageFields {
  bytes?: number;
  textOffset?: bigint;
  imageSize?: bigint;
  flags?: bigint;
  /** End of the only section of an EFI header, when there shall be one. */
  sectionsEnd?: number;
  machine?: number;
}

/** A kernel as the linker writes it: header, then content that compresses badly enough to be cut anywhere. */
function makeImage(fields: ImageFields = {}): Uint8Array {
  const bytes = new Uint8Array(fields.bytes ?? 96 * KiB).map((_, index) => (index * index * 31) >> 3);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0x91005a4d, true); // add x13, x18, #0x16: "MZ" as an instruction
  view.setUint32(4, 0x14000010, true);
  view.setBigUint64(8, fields.textOffset ?? 0n, true);
  view.setBigUint64(16, fields.imageSize ?? 128n * 1024n, true);
  view.setBigUint64(24, fields.flags ?? 0b1010n, true);
  bytes.set([0x41, 0x52, 0x4d, 0x64], 56);
  view.setUint32(60, fields.sectionsEnd === undefined ? 0 : 64, true);
  if (fields.sectionsEnd !== undefined) writePe(view, fields.sectionsEnd, fields.machine ?? 0xaa64);
  return bytes;
}

function writePe(view: DataView, sectionsEnd: number, machine: number, at = 64): void {
  view.setUint32(at, 0x4550, true);
  view.setUint16(at + 4, machine, true);
  view.setUint16(at + 6, 1, true);
  view.setUint16(at + 20, 112, true);
  view.setUint32(at + 24 + 112 + 16, sectionsEnd - 4096, true);
  view.setUint32(at + 24 + 112 + 20, 4096, true);
}

function makeZboot(payload: Uint8Array, compression: string, fields: { machine?: number; size?: number } = {}) {
  const bytes = new Uint8Array(4096 + payload.length + 4);
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode('MZ\0\0zimg'), 0);
  view.setUint32(8, 4096, true);
  view.setUint32(12, fields.size ?? payload.length, true);
  bytes.set(new TextEncoder().encode(compression), 24);
  view.setUint32(0x38, 0x818223cd, true); // LINUX_PE_MAGIC
  view.setUint32(60, 64, true);
  writePe(view, bytes.length, fields.machine ?? 0xaa64);
  bytes.set(payload, 4096);
  return bytes;
}

function fileOf(bytes: Uint8Array, name = 'Image', format: KernelFormat = 'auto') {
  return { name, format, sizeBytes: bytes.length, head: bytes.subarray(0, KERNEL_HEAD_BYTES) };
}

function unpack(bytes: Uint8Array, name?: string, format?: KernelFormat): { kernel: Kernel; bytes: Uint8Array } {
  return unpackKernel(fileOf(bytes, name, format), bytes, zlibDecompressors);
}

function refusal(bytes: Uint8Array, name?: string, format?: KernelFormat): string {
  try {
    unpack(bytes, name, format);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).keyPath).toBe('kernel.image');
    expect((error as ConfigError).message).toMatch(/^Cannot boot .+: .+: .*[^.]$/);
    return (error as ConfigError).message;
  }
  throw new Error('was not refused');
}

/** `magic` at `at` in a file that is otherwise zero. */
function withMagic(magic: string, at = 0, size = 8 * KiB): Uint8Array {
  const bytes = new Uint8Array(size);
  bytes.set(
    [...magic].map((character) => character.charCodeAt(0)),
    at,
  );
  return bytes;
}

describe('inspectKernel: arm64 Image', () => {
  it('reads the header', () => {
    expect(inspectKernel(fileOf(makeImage({ textOffset: 0x10000n })))).toEqual({
      kind: 'image',
      fileBytes: 96 * KiB,
      memoryBytes: 128 * KiB,
      memoryKnown: true,
      textOffset: 0x10000,
      pageBytes: 4096,
    });
  });

  it.each([
    [0, undefined],
    [1, 4096],
    [2, 16384],
    [3, 65536],
  ])('reads page size field %i', (field, pageBytes) => {
    const flags = BigInt((field << 1) | 8);
    expect(inspectKernel(fileOf(makeImage({ flags })))).toMatchObject({ pageBytes });
  });

  it('takes text_offset 0x80000 when image_size is zero, as before Linux 3.17', () => {
    expect(inspectKernel(fileOf(makeImage({ imageSize: 0n, textOffset: 0x800_0000_0000n })))).toMatchObject({
      textOffset: 0x80000,
      memoryKnown: false,
      memoryBytes: 96 * KiB,
    });
  });

  it('accepts a whole file with EFI header, and a signature after its sections', () => {
    for (const extra of [0, 1, 4096]) {
      const image = makeImage({ bytes: 64 * KiB + extra, sectionsEnd: 64 * KiB });
      expect(inspectKernel(fileOf(image))).toMatchObject({ kind: 'image', fileBytes: 64 * KiB + extra });
    }
  });

  it('refuses a file one byte short of its sections', () => {
    expect(refusal(makeImage({ bytes: 64 * KiB - 1, sectionsEnd: 64 * KiB }))).toBe(
      'Cannot boot Image: it is truncated: its header describes 65536 bytes, the file has 65535: build, copy or download it again',
    );
  });

  it('refuses a file without EFI header that would be mostly .bss, unless told that it is an image', () => {
    const half = makeImage({ bytes: MiB, imageSize: BigInt(2 * MiB) });
    expect(inspectKernel(fileOf(half))).toMatchObject({ kind: 'image' });
    const less = half.subarray(0, MiB - 1);
    expect(refusal(less)).toContain('is truncated: its header asks for 2097152 bytes, the file has 1048575');
    expect(inspectKernel(fileOf(less, 'Image', 'image'))).toMatchObject({ memoryBytes: 2 * MiB });
  });

  it('refuses big-endian kernels and impossible sizes', () => {
    expect(refusal(makeImage({ flags: 0b1011n }))).toContain('is a big-endian arm64 kernel');
    expect(refusal(makeImage({ imageSize: 1n << 60n }))).toContain('sizes in its Image header are impossible');
    expect(refusal(makeImage({ textOffset: 1n << 63n }))).toContain('sizes in its Image header are impossible');
  });

  it('says nothing about a header that is cut off', () => {
    expect(refusal(makeImage().subarray(0, 63))).toContain('no arm64 Image header');
  });
});

describe('unpackKernel', () => {
  const image = makeImage();
  const wrapped: [string, Uint8Array][] = [
    ['gzip', gzipSync(image)],
    ['zstd', zstdCompressSync(image)],
    ['zboot with gzip', makeZboot(gzipSync(image), 'gzip')],
    ['zboot with zstd22', makeZboot(zstdCompressSync(image), 'zstd22')],
    ['zboot with zstd', makeZboot(zstdCompressSync(image), 'zstd')],
    ['gzip around gzip', gzipSync(gzipSync(image))],
    ['zstd around zboot around gzip', zstdCompressSync(makeZboot(gzipSync(image), 'gzip'))],
    [
      'two zstd frames',
      Buffer.concat([zstdCompressSync(image.subarray(0, 5000)), zstdCompressSync(image.subarray(5000))]),
    ],
    [
      'zstd after a skippable frame',
      Buffer.concat([withMagic('\x50\x2a\x4d\x18\x04\0\0\0', 0, 12), zstdCompressSync(image)]),
    ],
  ];

  it.each(wrapped)('takes %s off', (_, bytes) => {
    expect(inspectKernel(fileOf(bytes))).toEqual({ kind: 'packed' });
    const result = unpack(bytes);
    expect(result.kernel).toMatchObject({ kind: 'image', fileBytes: image.length });
    expect(Buffer.compare(result.bytes, image)).toBe(0);
  });

  it.each(wrapped.filter(([name]) => name !== 'two zstd frames'))('names a cut %s as truncated', (_, bytes) => {
    for (const length of [bytes.length - 5, bytes.length >> 1]) {
      expect(refusal(bytes.subarray(0, length), 'vmlinuz')).toMatch(/^Cannot boot vmlinuz: it is truncated: /);
    }
  });

  it('leaves a plain Image as it is, without a copy', () => {
    expect(unpack(image).bytes).toBe(image);
  });

  it('names damaged data', () => {
    const bytes = gzipSync(image);
    bytes.fill(0x55, 100, 200);
    expect(refusal(bytes, 'Image.gz')).toContain('its gzip data is damaged: build, copy or download it again');
  });

  it('refuses what unpacks to more than a kernel', () => {
    const decompressors = { gunzip: () => 'too-large' as const, unzstd: () => 'too-large' as const };
    const bytes = gzipSync(image);
    expect(() => unpackKernel(fileOf(bytes), bytes, decompressors)).toThrow('unpacks to more than 1 GiB');
    expect(zlibDecompressors.gunzip(bytes, image.length - 1)).toBe('too-large');
    expect(zlibDecompressors.unzstd(zstdCompressSync(image), image.length - 1)).toBe('too-large');
    expect(zlibDecompressors.gunzip(bytes, image.length)).toHaveLength(image.length);
  });

  it('refuses wrappers without end', () => {
    let bytes: Uint8Array = image;
    for (let depth = 0; depth < 4; depth++) bytes = gzipSync(bytes);
    expect(unpack(bytes).kernel.kind).toBe('image');
    expect(refusal(gzipSync(bytes))).toContain('compressed more than 4 times over');
  });

  it('names what was inside', () => {
    expect(refusal(gzipSync(withMagic('\x7fELF\x02\x01\x01')))).toContain('ELF');
  });

  it.each([
    ['lz4', 'compressed with lz4, which orko-vmm cannot unpack'],
    ['xzkern', 'compressed with xzkern'],
    ['', 'compressed with an unnamed method'],
  ])('refuses zboot compression "%s"', (compression, sentence) => {
    expect(refusal(makeZboot(image, compression))).toContain(sentence);
  });

  it('refuses zboot kernels for other machines, and payloads beyond the end', () => {
    expect(refusal(makeZboot(gzipSync(image), 'gzip', { machine: 0x5064 }))).toContain('EFI zboot kernel for RISC-V');
    expect(refusal(makeZboot(gzipSync(image), 'gzip', { size: 0xffff_ffff }))).toContain('is truncated');
  });

  it('unpacks what the gzip and zstd programs of this host write', () => {
    for (const [command, ...args] of [
      ['gzip', '-9c'],
      ['zstd', '-19c'],
    ] as const) {
      const packed = execFileSync(command, args, { input: image, stdio: ['pipe', 'pipe', 'ignore'] });
      expect(unpack(packed).kernel).toMatchObject({ fileBytes: image.length });
    }
  });
});

describe('inspectKernel: raw binaries', () => {
  const code = withMagic('\xdf\x3f\x03\xd5', 0, 24);

  it('takes a .bin that nothing else claims as raw, compressed or not', () => {
    expect(inspectKernel(fileOf(code, 'out/hello.bin'))).toEqual({ kind: 'raw', fileBytes: 24 });
    expect(unpack(gzipSync(code), 'hello.bin.gz')).toMatchObject({ kernel: { kind: 'raw', fileBytes: 24 } });
  });

  it('takes an Image named .bin as the Image it is', () => {
    expect(inspectKernel(fileOf(makeImage(), 'kernel.bin'))).toMatchObject({ kind: 'image' });
  });

  it('takes any bytes as raw when told so, except ELF and nothing', () => {
    expect(inspectKernel(fileOf(code, 'hello', 'raw'))).toEqual({ kind: 'raw', fileBytes: 24 });
    expect(inspectKernel(fileOf(makeImage(), 'Image', 'raw'))).toEqual({ kind: 'raw', fileBytes: 96 * KiB });
    expect(inspectKernel(fileOf(gzipSync(code), 'a.gz', 'raw'))).toMatchObject({ kind: 'raw' });
    expect(refusal(withMagic('\x7fELF\x02\x01\x01'), 'hello.elf', 'raw')).toContain('ELF');
    expect(refusal(new Uint8Array(), 'hello.bin', 'raw')).toContain('it is empty');
  });

  it('does not take an unknown file for raw, nor when an image is asked for', () => {
    expect(refusal(code, 'hello')).toContain('say kernel.format: raw, or name it .bin');
    expect(refusal(code, 'hello.bin', 'image')).toContain('no arm64 Image header');
  });
});

describe('inspectKernel: other files, named for what they are', () => {
  const elf = (machine: number, data = 1) => {
    const bytes = withMagic(`\x7fELF\x02${String.fromCharCode(data)}\x01`);
    new DataView(bytes.buffer).setUint16(18, machine, data === 1);
    return bytes;
  };
  const efi = (machine: number) => {
    const bytes = withMagic('MZ');
    new DataView(bytes.buffer).setUint32(60, 64, true);
    writePe(new DataView(bytes.buffer), 8 * KiB, machine);
    return bytes;
  };
  it.each<[string, Uint8Array, string]>([
    ['nothing', new Uint8Array(), 'it is empty: give the arm64 kernel'],
    [
      'arm64 vmlinux',
      elf(183),
      'an arm64 ELF file (a vmlinux, or a program before objcopy): give arch/arm64/boot/Image',
    ],
    ['x86 ELF', elf(62), 'an ELF file for x86-64: give a kernel that was built for arm64'],
    ['s390 ELF', elf(22, 2), 'an ELF file for S/390'],
    ['odd ELF', elf(999), 'an ELF file for machine 999'],
    ['cut ELF', elf(183).subarray(0, 19), 'the beginning of an ELF file'],
    ['bzImage', withMagic('HdrS', 0x202), 'an x86 kernel (bzImage)'],
    ['zImage', withMagic('\x18\x28\x6f\x01', 0x24), 'a 32-bit Arm kernel (zImage)'],
    ['RISC-V', withMagic('RSC\x05', 0x38), 'a RISC-V kernel'],
    ['uImage', withMagic('\x27\x05\x19\x56'), 'a U-Boot uImage'],
    ['FIT', withMagic('\xd0\x0d\xfe\xed'), 'a flattened device tree'],
    ['Android', withMagic('ANDROID!'), 'an Android boot image'],
    ['xz', withMagic('\xfd7zXZ\0'), 'an xz compressed file'],
    ['bzip2', withMagic('BZh91AY&SY'), 'a bzip2 compressed file'],
    ['lz4', withMagic('\x02\x21\x4c\x18'), 'an lz4 (legacy) compressed file'],
    ['deb', withMagic('!<arch>\n'), 'a Debian package'],
    ['initramfs', withMagic('070701'), 'a cpio archive (an initramfs): give it as kernel.initrd'],
    ['qcow2', withMagic('QFI\xfb'), 'a qcow2 disk image'],
    ['ext4', withMagic('\x53\xef\x01\0', 0x438), 'an ext file system image'],
    ['HTML', withMagic('<!DOCTYPE html>'), 'a text document'],
    ['script', withMagic('#!/bin/sh\n'), 'a script'],
    ['EFI x86', efi(0x8664), 'an EFI application for x86-64'],
    ['EFI arm64', efi(0xaa64), 'an EFI application for arm64'],
    ['EFI odd', efi(0x1234), 'an EFI application for machine 0x1234'],
    ['zeros', new Uint8Array(8192), 'it has no arm64 Image header and is of no known kind'],
  ])('%s', (_, bytes, sentence) => {
    expect(refusal(bytes, 'kernel')).toContain(sentence);
  });

  it('names an ELF file of this host’s compiler', () => {
    const node = execFileSync('head', ['-c', '4096', process.execPath]);
    expect(refusal(node, 'node')).toMatch(/it is an (arm64 )?ELF file/);
  });

  it('never throws anything but ConfigError, whatever the bytes', () => {
    const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 31);
    console.log(`image fuzz: SEED=${seed}`);
    let state = seed;
    const random = () => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      return state >>> 16;
    };
    const sources = [
      makeImage({ sectionsEnd: 64 * KiB }),
      gzipSync(makeImage()),
      makeZboot(gzipSync(makeImage()), 'gzip'),
      elf(183),
      efi(0x8664),
    ];
    for (let round = 0; round < 3000; round++) {
      const source = sources[random() % sources.length]!;
      const bytes = source.slice(0, random() % 4 === 0 ? random() % 5000 : source.length);
      for (let count = random() % 8; count > 0; count--) bytes[random() % Math.min(300, bytes.length)] = random();
      try {
        unpack(bytes, random() % 2 ? 'x.bin' : 'x');
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
      }
    }
  });
});
