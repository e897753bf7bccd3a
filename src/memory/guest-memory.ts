/** Guest RAM as bytes at guest addresses: the only way to touch it. */
import { GuestFault } from '../base/errors.ts';
import { type AddressRange, endOf, type GuestAddress } from '../base/range.ts';
import { formatAddress } from '../base/units.ts';

export interface MemoryRegion {
  readonly range: AddressRange;
  /** All of its bytes, shared with the guest. */
  readonly buffer: ArrayBuffer;
  /** Where it lies in our process, for calls that take addresses. */
  readonly pointer: bigint;
}

export class GuestMemory {
  readonly regions: readonly MemoryRegion[];

  constructor(regions: readonly MemoryRegion[]) {
    this.regions = regions;
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

  #find(address: GuestAddress, size: number): MemoryRegion {
    for (const region of this.regions) {
      if (address >= region.range.base && address + size <= endOf(region.range)) return region;
    }
    throw new GuestFault(`${size} bytes at ${formatAddress(address)} are not guest memory`);
  }
}
