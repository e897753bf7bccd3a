/** Unpacks kernels with node:zlib, which Node 24 builds in: gzip and zstd, whole buffers at once. */
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import type { Decompressors, UnpackFault } from '../boot/image.ts';

/** A zstd file is a row of frames (RFC 8878 §3.1): zstd ones, and skippable ones with 0x184d2a50 … 5f. */
const ZSTD_FRAME = 0xfd2fb528;
const SKIPPABLE_FRAME = 0x184d2a50;
const SKIPPABLE_MASK = 0xffff_fff0;
const SKIPPABLE_HEADER_BYTES = 8;

export const zlibDecompressors: Decompressors = {
  gunzip: (packed, unpackedBytesMax) => orFault(() => gunzipSync(packed, { maxOutputLength: unpackedBytesMax })),
  unzstd: (packed, unpackedBytesMax) => orFault(() => unzstdFrames(packed, unpackedBytesMax)),
};

/** node:zlib stops after the first frame; pzstd writes many. What is no frame ends the file, as zlib does for gzip. */
function unzstdFrames(packed: Uint8Array, unpackedBytesMax: number): Uint8Array {
  const frames: Uint8Array[] = [];
  let unpackedBytes = 0;
  for (let at = 0; at + 4 <= packed.length; ) {
    const rest = packed.subarray(at);
    const view = new DataView(rest.buffer, rest.byteOffset, rest.byteLength);
    const magic = view.getUint32(0, true);
    if ((magic & SKIPPABLE_MASK) >>> 0 === SKIPPABLE_FRAME && rest.length >= SKIPPABLE_HEADER_BYTES) {
      at += SKIPPABLE_HEADER_BYTES + view.getUint32(4, true);
    } else if (magic === ZSTD_FRAME) {
      const { bytes, consumed } = unzstdFrame(rest, unpackedBytesMax - unpackedBytes);
      frames.push(bytes);
      unpackedBytes += bytes.length;
      at += consumed;
    } else break;
  }
  return frames.length === 1 ? frames[0]! : Buffer.concat(frames);
}

function unzstdFrame(packed: Uint8Array, unpackedBytesMax: number): { bytes: Uint8Array; consumed: number } {
  // `info` makes zlib return the engine too, which knows how much it read; @types/node does not say so.
  const result = zstdDecompressSync(packed, { maxOutputLength: Math.max(unpackedBytesMax, 1), info: true });
  const { buffer, engine } = result as unknown as { buffer: Uint8Array; engine: { bytesWritten: number } };
  return { bytes: buffer, consumed: engine.bytesWritten };
}

/** nodejs.org/api/errors.html and zlib.h: what the codes mean for the file. */
function orFault(unpack: () => Uint8Array): Uint8Array | UnpackFault {
  try {
    return unpack();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (code === 'ERR_BUFFER_TOO_LARGE') return 'too-large';
    if (code === 'Z_BUF_ERROR') return 'truncated';
    if (code.startsWith('Z_') || code.startsWith('ZSTD_')) return 'damaged';
    throw error;
  }
}
