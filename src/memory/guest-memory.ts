/**
 * Guest RAM as bytes at guest addresses: the only way to touch it. Beside RAM there may be windows, memory of devices that
 * the guest sees (virtio-pmem's file): buffers may lie there too, but nothing that we trust to stay, as a ring.
 */
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
  /** The memfd that it is a mapping of, where other processes are to map it too. */
  readonly fd?: number | undefined;
}

export class GuestMemory {
  /** RAM. */
  #regions: readonly MemoryRegion[];
  /** All where buffers may lie: RAM, then windows that can be written, then the others. */
  #places: readonly MemoryRegion[];
  /** How many of them can be written. */
  writableCount: number;
  #blocks: readonly Uint8Array[] | undefined;
  #words: readonly Uint32Array[] | undefined;
  /** First address of each place, the one after its last, and its first byte in our process. */
  bases = new Float64Array();
  ends = new Float64Array();
  pointers = new Float64Array();

  /** What is wrong with an address that lies in none of it, to finish "4096 bytes at 0x…". */
  readonly #elsewhere: string;

  constructor(regions: readonly MemoryRegion[], elsewhere = 'are not guest memory') {
    this.#regions = regions;
    this.#elsewhere = elsewhere;
    this.#places = regions;
    this.writableCount = regions.length;
    this.#arrange(regions);
  }

  get regions(): readonly MemoryRegion[] {
    return this.#regions;
  }

  /**
   * RAM is something else from now on, where there are no windows. What uses it meanwhile goes on only in regions that keep
   * their places in the list.
   */
  replaceRegions(regions: readonly MemoryRegion[]): void {
    assert(this.#places.length === this.#regions.length, 'guest memory with windows does not change');
    this.#regions = regions;
    this.writableCount = regions.length;
    this.#arrange(regions);
  }

  /** Adds a window. Before anything uses guest memory: numbers of places change. */
  addWindow(window: MemoryRegion, { readOnly }: { readonly readOnly: boolean }): void {
    const places = this.#places.slice();
    places.splice(readOnly ? places.length : this.writableCount, 0, window);
    if (!readOnly) this.writableCount++;
    this.#arrange(places);
  }

  #arrange(places: readonly MemoryRegion[]): void {
    this.#places = places;
    this.#blocks = undefined;
    this.#words = undefined;
    this.bases = Float64Array.from(places, ({ range }) => range.base);
    this.ends = Float64Array.from(places, ({ range }) => endOf(range));
    // User addresses have at most 52 bits, so a double holds them.
    this.pointers = Float64Array.from(places, ({ pointer }) => Number(pointer));
    assert(this.pointers.every(Number.isSafeInteger), 'guest memory lies where a double cannot point');
  }

  /** All bytes of each place: with `regionOf` the way to guest memory that makes no object. */
  get blocks(): readonly Uint8Array[] {
    this.#blocks ??= this.#places.map(({ buffer }) => new Uint8Array(buffer));
    return this.#blocks;
  }

  /** The same as words of 4 bytes. */
  get words(): readonly Uint32Array[] {
    this.#words ??= this.#places.map(({ buffer }) => new Uint32Array(buffer, 0, Math.floor(buffer.byteLength / 4)));
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
    for (let region = 0; region < this.#regions.length; region++) {
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
    const region = this.#regions[this.regionOf(address, size)];
    if (region === undefined) throw new GuestFault(`${size} bytes at ${formatAddress(address)} ${this.#elsewhere}`);
    return region;
  }
}
