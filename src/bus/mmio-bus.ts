/** The memory-mapped bus: finds the device that answers a guest's access, and gives the access a shape it takes. */
import { assert } from '../base/assert.ts';
import { type AddressRange, endOf, formatRange, type GuestAddress } from '../base/range.ts';
import type { AccessSize, MmioDevice } from './mmio-device.ts';
import { UnknownAccesses } from './unknown-accesses.ts';

interface Region {
  readonly base: GuestAddress;
  readonly end: GuestAddress;
  readonly device: MmioDevice;
}

export class MmioBus {
  /** In address order, without overlaps. */
  readonly #regions: Region[] = [];
  /** The region of the last hit: accesses come in runs (a console line, the probing of one device). */
  #last: Region | undefined;
  readonly #unknown: UnknownAccesses;

  /** `log` takes one sentence for each place where the guest found nothing. */
  constructor(log: (message: string) => void) {
    this.#unknown = new UnknownAccesses(log);
  }

  attach(range: AddressRange, device: MmioDevice): void {
    const region = { base: range.base, end: endOf(range), device };
    const index = this.#regions.findIndex((other) => other.end > region.base);
    const next = this.#regions[index];
    assert(range.size > 0, `the bus range of ${device.name} is empty`);
    assert(
      next === undefined || next.base >= region.end,
      `${device.name} at ${formatRange(range)} overlaps ${next?.device.name} on the bus`,
    );
    this.#regions.splice(index === -1 ? this.#regions.length : index, 0, region);
  }

  /** Takes away what lies at `base`. */
  detach(base: GuestAddress): void {
    const index = this.#regions.findIndex((region) => region.base === base);
    assert(index !== -1, 'what is not on the bus was taken from it');
    this.#regions.splice(index, 1);
    this.#last = undefined;
  }

  read(address: GuestAddress, size: AccessSize): number;
  read(address: GuestAddress, size: AccessSize | 8): number | bigint;
  read(address: GuestAddress, size: AccessSize | 8): number | bigint {
    const region = this.#find(address);
    if (region === undefined || address + size > region.end) return this.#readAcross(region, address, size);
    if (size === 8) return this.#read64(region, address);
    const value = region.device.read(address - region.base, size);
    if (value !== undefined) return value;
    this.#unknown.note('read', address, size, region.device.name);
    return 0;
  }

  write(address: GuestAddress, size: AccessSize, value: number): void;
  write(address: GuestAddress, size: AccessSize | 8, value: number | bigint): void;
  write(address: GuestAddress, size: AccessSize | 8, value: number | bigint): void {
    const region = this.#find(address);
    if (region === undefined || address + size > region.end) this.#writeAcross(region, address, size, BigInt(value));
    else if (size === 8) this.#write64(region, address, BigInt(value));
    else if (region.device.write(address - region.base, size, Number(value)) === false)
      this.#unknown.note('write', address, size, region.device.name);
  }

  /** Called once when the machine has stopped: says how much was accessed where nothing is, beyond what was logged. */
  summarizeUnknownAccesses(): void {
    this.#unknown.summarize();
  }

  #find(address: GuestAddress): Region | undefined {
    const last = this.#last;
    if (last !== undefined && address >= last.base && address < last.end) return last;
    let low = 0;
    let high = this.#regions.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#regions[middle]!.end > address) high = middle;
      else low = middle + 1;
    }
    const found = this.#regions[low];
    if (found === undefined || found.base > address) return undefined;
    this.#last = found;
    return found;
  }

  #read64(region: Region, address: GuestAddress): bigint {
    if (region.device.read64) return region.device.read64(address - region.base);
    const low = this.read(address, 4);
    return (BigInt(this.read(address + 4, 4)) << 32n) | BigInt(low);
  }

  #write64(region: Region, address: GuestAddress, value: bigint): void {
    if (region.device.write64) {
      region.device.write64(address - region.base, value);
      return;
    }
    this.write(address, 4, Number(BigInt.asUintN(32, value)));
    this.write(address + 4, 4, Number(BigInt.asUintN(32, value >> 32n)));
  }

  /** An access of which the first byte meets nothing, or that runs over the end of `region`: byte by byte. */
  #readAcross(region: Region | undefined, address: GuestAddress, size: AccessSize | 8): number | bigint {
    if (region === undefined && !this.#startsWithin(address, size)) {
      this.#unknown.note('read', address, size);
      return size === 8 ? 0n : 0;
    }
    let value = 0n;
    for (let i = 0; i < size; i++) value |= BigInt(this.read(address + i, 1)) << BigInt(8 * i);
    return size === 8 ? value : Number(value);
  }

  #writeAcross(region: Region | undefined, address: GuestAddress, size: AccessSize | 8, value: bigint): void {
    if (region === undefined && !this.#startsWithin(address, size)) {
      this.#unknown.note('write', address, size);
      return;
    }
    for (let i = 0; i < size; i++) this.write(address + i, 1, Number((value >> BigInt(8 * i)) & 0xffn));
  }

  /** Whether a region begins inside the access. */
  #startsWithin(address: GuestAddress, size: number): boolean {
    return this.#regions.some((region) => region.base > address && region.base < address + size);
  }
}
