/** What a back-end shows on the display of a graphics adapter, as pixels: four bytes each, blue first, the last one unused. */
import { assert } from '../base/assert.ts';
import { PeerFault } from './peer-fault.ts';

export interface Extent {
  readonly width: number;
  readonly height: number;
}
export interface Rectangle extends Extent {
  readonly x: number;
  readonly y: number;
}

/** Where the pixels of a display lie that are not sent here. */
export interface PixelSource extends Disposable {
  /** Line after line, three bytes a pixel: red, green, blue. */
  readRgb(): Uint8Array;
}

export const PIXEL_BYTES = 4;
/** In each direction: more than any screen, and what we are willing to keep. */
const SIDE_MAX = 8192;

export class Display {
  /** What the guest is told that it has. */
  readonly preferred: Extent;
  #extent: Extent = { width: 0, height: 0 };
  #pixels = new Uint8Array();
  #source: PixelSource | undefined;

  constructor(preferred: Extent) {
    this.preferred = preferred;
  }

  /** The guest shows something of that size from now on; nothing, with a size of 0. It is black until it is drawn. */
  setExtent(extent: Extent): void {
    this.#show(extent, undefined);
    this.#pixels = new Uint8Array(extent.width * extent.height * PIXEL_BYTES);
  }

  /** The same where the pixels lie elsewhere. Takes over what `open` opens, which is not called for an extent that is refused. */
  setSource(extent: Extent, open: () => PixelSource): void {
    this.#show(extent, open);
    this.#pixels = new Uint8Array();
  }

  #show({ width, height }: Extent, open: (() => PixelSource) | undefined): void {
    if (width > SIDE_MAX || height > SIDE_MAX) {
      throw new PeerFault(`it shows ${width} × ${height} pixels, where ${SIDE_MAX} × ${SIDE_MAX} are the most`);
    }
    this.#source?.[Symbol.dispose]();
    this.#source = undefined;
    this.#extent = { width: 0, height: 0 };
    this.#source = open?.();
    this.#extent = { width, height };
  }

  /** `pixels`: of the rectangle, line after line. */
  draw({ x, y, width, height }: Rectangle, pixels: Uint8Array): void {
    // On its way when the driver began anew.
    if (this.#extent.width === 0) return;
    if (this.#source) throw new PeerFault('it draws on a display whose pixels it keeps in a buffer');
    if (x + width > this.#extent.width || y + height > this.#extent.height) {
      throw new PeerFault(
        `it draws ${width} × ${height} pixels at ${x}, ${y} of ${this.#extent.width} × ${this.#extent.height}`,
      );
    }
    const lineBytes = width * PIXEL_BYTES;
    assert(pixels.length === height * lineBytes, 'as many pixels as the rectangle has');
    for (let line = 0; line < height; line++) {
      const target = ((y + line) * this.#extent.width + x) * PIXEL_BYTES;
      this.#pixels.set(pixels.subarray(line * lineBytes, (line + 1) * lineBytes), target);
    }
  }

  /** A file that every picture program reads (netpbm, "PPM", P6); undefined while nothing is shown. */
  toPpm(): Uint8Array | undefined {
    const { width, height } = this.#extent;
    if (width === 0 || height === 0) return undefined;
    const head = new TextEncoder().encode(`P6\n${width} ${height}\n255\n`);
    return Buffer.concat([head, this.#source?.readRgb() ?? this.#rgb()]);
  }

  #rgb(): Uint8Array {
    const rgb = new Uint8Array((this.#pixels.length / PIXEL_BYTES) * 3);
    for (let from = 0, to = 0; from < this.#pixels.length; from += PIXEL_BYTES, to += 3) {
      rgb[to] = this.#pixels[from + 2]!;
      rgb[to + 1] = this.#pixels[from + 1]!;
      rgb[to + 2] = this.#pixels[from]!;
    }
    return rgb;
  }
}
