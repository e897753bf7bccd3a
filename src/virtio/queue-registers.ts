/** The registers of one queue, whatever the transport: what the driver has written, and whether that makes a queue. */
import { GuestFault } from '../base/errors.ts';
import type { GuestAddress } from '../base/range.ts';
import type { QueuePlaces } from './ring.ts';

/** The widest guest address of Arm (FEAT_LPA). */
const ADDRESS_BITS = 52;

/** A queue that the driver has set up and enabled. Plain data: it goes to the device's thread. */
export interface QueueSetup extends QueuePlaces {
  readonly index: number;
}

/** Low and high half of the addresses of descriptor, driver and device area: the order of their registers in every transport. */
const ADDRESS_HALVES = 6;

export class QueueRegisters {
  readonly index: number;
  readonly sizeMax: number;
  /** QueueReady, queue_enable: set by whoever has checked `setup`. */
  ready = false;
  /** As written. */
  size: number;
  /** As written: low and high half of `desc`, then of `driver` and of `device`. */
  readonly addresses = new Uint32Array(ADDRESS_HALVES);

  constructor(index: number, sizeMax: number) {
    this.index = index;
    this.sizeMax = sizeMax;
    this.size = sizeMax;
  }

  /** What was written, as a queue. A GuestFault where it cannot be one, whatever the ring's format. */
  get setup(): QueueSetup {
    const { index, size, sizeMax } = this;
    if (size === 0 || size > sizeMax) throw new GuestFault(`a size of ${size}, where ${sizeMax} is the largest`);
    return { index, size, desc: this.#address(0), driver: this.#address(2), device: this.#address(4) };
  }

  reset(): void {
    this.ready = false;
    this.size = this.sizeMax;
    this.addresses.fill(0);
  }

  #address(low: number): GuestAddress {
    const high = this.addresses[low + 1]!;
    if (high >= 2 ** (ADDRESS_BITS - 32)) throw new GuestFault(`an address beyond ${ADDRESS_BITS} bits`);
    return high * 2 ** 32 + this.addresses[low]!;
  }
}
