/**
 * A dma-buf in which a back-end has what it shows (QEMU's docs/interop/vhost-user-gpu.rst, "VhostUserGpuDMABUFScanout"): memory of a
 * GPU, or its own. Nothing is copied when it says that it has drawn; who wants a picture reads it from there.
 */
import { readFileSync } from 'node:fs';
import {
  DMA_BUF_IOCTL_SYNC,
  DMA_BUF_SYNC_END,
  DMA_BUF_SYNC_READ,
  DMA_BUF_SYNC_START,
  DRM_FORMAT_ABGR8888,
  DRM_FORMAT_ARGB8888,
  DRM_FORMAT_XBGR8888,
  DRM_FORMAT_XRGB8888,
  dma_buf_sync,
} from '../abi/dma-buf.ts';
import { ConfigError } from '../base/errors.ts';
import { pack } from '../base/layout.ts';
import type { Fd } from '../host/fd.ts';
import { ioctlAccepts } from '../host/ioctl.ts';
import { Mapping } from '../host/mapping.ts';
import { PIXEL_BYTES, type Rectangle } from './display.ts';
import { blamePeer, PeerFault } from './peer-fault.ts';

export interface PixelLayout {
  /** What is shown of it. */
  readonly shown: Rectangle;
  /** Bytes from one line to the next. */
  readonly stride: number;
  /** DRM_FORMAT_*, a word of four letters. */
  readonly format: number;
}

/** In the order of a PPM's colours, where each lies in a pixel. */
const COLOURS: Readonly<Record<number, readonly [number, number, number]>> = {
  [DRM_FORMAT_XRGB8888]: [2, 1, 0],
  [DRM_FORMAT_ARGB8888]: [2, 1, 0],
  [DRM_FORMAT_XBGR8888]: [0, 1, 2],
  [DRM_FORMAT_ABGR8888]: [0, 1, 2],
};

export class PixelBuffer implements Disposable {
  readonly #fd: Fd;
  readonly #layout: PixelLayout;
  readonly #mapping: Mapping;

  /** Takes over `fd`; a PeerFault, with `fd` still the caller's, where it is no dma-buf that has what `layout` says. */
  constructor(fd: Fd, layout: PixelLayout) {
    const { shown, stride } = layout;
    const size = sizeOfDmaBuf(fd);
    if (size === undefined) throw new PeerFault('it shows as its display a file that is no dma-buf');
    const isOverlapping = (shown.x + shown.width) * PIXEL_BYTES > stride;
    if (isOverlapping || (shown.y + shown.height) * stride > size) {
      throw new PeerFault(
        `it shows ${shown.width} × ${shown.height} pixels at ${shown.x}, ${shown.y}, in lines of ${stride} bytes, of a buffer of ${size}`,
      );
    }
    this.#mapping = blamePeer(() => Mapping.create(size, { what: 'a display', fd, readOnly: true }));
    this.#fd = fd;
    this.#layout = layout;
  }

  /** What is shown, three bytes a pixel: red, green, blue. A ConfigError where its format is not one of ours. */
  readRgb(): Uint8Array {
    const { shown, stride, format } = this.#layout;
    const colours = COLOURS[format];
    if (!colours) throw new ConfigError(`its pixels have the format ${fourLetters(format)}, which is not read here`);
    this.#synchronise(DMA_BUF_SYNC_START);
    const { bytes } = this.#mapping;
    const rgb = new Uint8Array(shown.width * shown.height * 3);
    let to = 0;
    for (let line = 0; line < shown.height; line++) {
      let from = (shown.y + line) * stride + shown.x * PIXEL_BYTES;
      for (let column = 0; column < shown.width; column++, from += PIXEL_BYTES) {
        for (const colour of colours) rgb[to++] = bytes[from + colour]!;
      }
    }
    this.#synchronise(DMA_BUF_SYNC_END);
    return rgb;
  }

  /** Caches between the device and us; what has none refuses (Linux Documentation/driver-api/dma-buf.rst, "CPU Access"). */
  #synchronise(flag: number): void {
    ioctlAccepts(this.#fd, DMA_BUF_IOCTL_SYNC, pack(dma_buf_sync, { flags: BigInt(DMA_BUF_SYNC_READ | flag) }));
  }

  [Symbol.dispose](): void {
    this.#mapping[Symbol.dispose]();
    this.#fd[Symbol.dispose]();
  }
}

/**
 * Undefined where it is no dma-buf: any other file could be cut short by whoever gave it, which would end us when we look. What /proc
 * says of the descriptor is the kernel's own word (Linux drivers/dma-buf/dma-buf.c, dma_buf_show_fdinfo); to ask the file itself
 * would be to wait for its file system, which may be the back-end's.
 */
function sizeOfDmaBuf({ number }: Fd): number | undefined {
  const facts = readFileSync(`/proc/self/fdinfo/${number}`, 'utf8');
  const size = /^size:\t(\d+)$/m.exec(facts)?.[1];
  return size !== undefined && /^exp_name:\t/m.test(facts) ? Number(size) : undefined;
}

function fourLetters(format: number): string {
  const letters = String.fromCharCode(...[0, 8, 16, 24].map((shift) => (format >>> shift) & 0xff));
  return /^[ -~]{4}$/.test(letters) ? letters : `0x${format.toString(16)}`;
}
