/** The memory table of a connection, by whoever reads along: from the addresses that messages use to those of the guest. */
import type { MemoryRegion } from './payload.ts';

export class Regions {
  #regions: readonly MemoryRegion[] = [];

  /** A message of the front-end's, which may change the table. */
  hear(name: string, body: unknown): void {
    if (name === 'SET_MEM_TABLE') this.#regions = body as readonly MemoryRegion[];
    else if (name === 'ADD_MEM_REG') this.#regions = [...this.#regions, body as MemoryRegion];
    else if (name === 'REM_MEM_REG') {
      const { user_address } = body as MemoryRegion;
      this.#regions = this.#regions.filter((region) => region.user_address !== user_address);
    }
  }

  /** The guest address; undefined where no region is. */
  toGuest(userAddress: bigint): bigint | undefined {
    const region = this.regionOf(userAddress);
    return region && guestAddressIn(region, userAddress);
  }

  regionOf(userAddress: bigint): MemoryRegion | undefined {
    return this.#regions.find((region) => holds(region, userAddress));
  }
}

/** Whether an address of the front-end's lies in the region. */
export function holds({ user_address, size }: MemoryRegion, userAddress: bigint): boolean {
  return userAddress >= user_address && userAddress < user_address + size;
}

/** The guest address of one that does. */
export function guestAddressIn({ user_address, guest_address }: MemoryRegion, userAddress: bigint): bigint {
  return userAddress - user_address + guest_address;
}
