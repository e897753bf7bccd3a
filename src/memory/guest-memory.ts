/** Guest RAM as bytes at guest addresses: the only way to touch it. */
import { assert } from '../base/assert.ts';
import { GuestFault } from '../base/errors.ts';
import { type AddressRange, endOf, type GuestAddress } from '../base/range.ts';
import { formatAddress } from '../base/units.ts';

export interface MemoryRegion {
  readonly range: AddressRange;
  /** All of its bytes, shared with the guest. Asked for at the first use (see Mapping.buffer). */
  readonly buffer: ArrayBuffer;
  /** Where it lies in our process, for calls that take addresses. */
  readonly pointer: bigint;
}

export class GuestMemory {
  readonly regions: readonly MemoryRegion[];
  #blocks: readonly Uint8Array[] | undefined;
  #words: readonly Uint32Array[] | undefined;
  /** First address of each region, the one after its last, and its first byte in our process. */
  readonly bases: Float64Array;
  readonly ends: Float64Array;
  readonly pointers: Float64Array;

  constructor(regions: readonly MemoryRegion[]) {
    this.regions = regions;
    this.bases = Float64Array.from(regions, ({ range }) => range.base);
    this.ends = Float64Array.from(regions, ({ range }) => endOf(range));
    // User addresses have at most 52 bits, so a double holds them.
    this.pointers = Float64Array.from(regions, ({ pointer }) => Number(pointer));
    assert(this.pointers.every(Number.isSafeInteger), 'guest memory lies where a double cannot point');
  }

  /** All bytes of each region: with `regionOf` the way to guest memory that makes no object. */
  get blocks(): readonly Uint8Array[] {
    this.#blocks ??= this.regions.map(({ buffer }) => new Uint8Array(buffer));
    return this.#blocks;
  }

  /** The same as words of 4 bytes. */
  get words(): readonly Uint32Array[] {
    this.#words ??= this.regions.map(({ buffer }) => new Uint32Array(buffer, 0, Math.floor(buffer.byteLength / 4)));
    return this.#words;
  }

  /** The `size` bytes at `address`, shared with the guest; a GuestFault where they are not all RAM. */
  bytes(address: GuestAddress, size: number): Uint8Array {
    const region = this.#find(address, size);
    return new Uint8Array(region.buffer, address - region.range.base, size);
  }

  view(address: GuestAddress, size: number): DataView {
    const region = this.#find(address, size);
    return new DataView(region.buffer, address - region.range.base, size);
  }

  /** Where the byte at `address` lies in our process, `size` bytes of it. */
  pointer(address: GuestAddress, size: number): bigint {
    const region = this.#find(address, size);
    return region.pointer + BigInt(address - region.range.base);
  }

  /** Which of `regions` holds all `size` bytes at `address`; -1 when none does, also when they lie in two. */
  regionOf(address: GuestAddress, size: number): number {
    const bases = this.bases;
    const ends = this.ends;
    const end = address + size;
    for (let region = 0; region < bases.length; region++) {
      if (address >= bases[region]! && end <= ends[region]!) return region;
    }
    return -1;
  }

  /** Where `address` lies in its region, as an offset into `blocks[region]`. */
  offsetIn(region: number, address: GuestAddress): number {
    return address - this.bases[region]!;
  }

  /** Where an offset of a region lies in our process. */
  pointerIn(region: number, offset: number): number {
    return this.pointers[region]! + offset;
  }

  #find(address: GuestAddress, size: number): MemoryRegion {
    const region = this.regions[this.regionOf(address, size)];
    if (region === undefined) throw new GuestFault(`${size} bytes at ${formatAddress(address)} are not guest memory`);
    return region;
  }
}
