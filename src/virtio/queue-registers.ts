/** The registers of one queue (virtio 1.4 §4.2.2): what the driver has written, and whether that makes a queue. */
import { GuestFault } from '../base/errors.ts';
import type { GuestAddress } from '../base/range.ts';
import { Reg } from './mmio-registers.ts';
import type { QueuePlaces } from './ring.ts';

/** The widest guest address of Arm (FEAT_LPA). */
const ADDRESS_BITS = 52;

/** A queue that the driver has set up and enabled. Plain data: it goes to the device's thread. */
export interface QueueSetup extends QueuePlaces {
  readonly index: number;
}

export class QueueRegisters {
  readonly index: number;
  readonly sizeMax: number;
  /** QueueReady: set by whoever has checked `setup`. */
  ready = false;
  #size: number;
  readonly #addresses = new Map<number, number>();

  constructor(index: number, sizeMax: number) {
    this.index = index;
    this.sizeMax = sizeMax;
    this.#size = sizeMax;
  }

  /** A write to QueueSize or an address register; at other offsets there is nothing to write. */
  write(offset: number, value: number): void {
    switch (offset) {
      case Reg.QueueSize:
        this.#size = value;
        return;
      case Reg.QueueDescLow:
      case Reg.QueueDescHigh:
      case Reg.QueueDriverLow:
      case Reg.QueueDriverHigh:
      case Reg.QueueDeviceLow:
      case Reg.QueueDeviceHigh:
        this.#addresses.set(offset, value);
    }
  }

  /** What was written, as a queue. A GuestFault where it cannot be one, whatever the ring's format. */
  get setup(): QueueSetup {
    const size = this.#size;
    if (size === 0 || size > this.sizeMax)
      throw new GuestFault(`a size of ${size}, where ${this.sizeMax} is the largest`);
    return {
      index: this.index,
      size,
      desc: this.#address(Reg.QueueDescLow),
      driver: this.#address(Reg.QueueDriverLow),
      device: this.#address(Reg.QueueDeviceLow),
    };
  }

  reset(): void {
    this.ready = false;
    this.#size = this.sizeMax;
    this.#addresses.clear();
  }

  /** The high half lies 4 bytes behind the low one. */
  #address(low: number): GuestAddress {
    const high = this.#addresses.get(low + 4) ?? 0;
    if (high >= 2 ** (ADDRESS_BITS - 32)) throw new GuestFault(`an address beyond ${ADDRESS_BITS} bits`);
    return high * 2 ** 32 + (this.#addresses.get(low) ?? 0);
  }
}
