/** Guest physical addresses as a vCPU meets them: memory where there is a slot, and devices on the bus everywhere else. */
import { endOf, type GuestAddress } from '../base/range.ts';
import type { MmioBus } from '../bus/mmio-bus.ts';
import { viewOf } from '../host/libc.ts';
import type { MemorySlots, Slot } from '../memory/slots.ts';
import type { PhysicalSpace } from '../vcpu/undecoded.ts';

type AccessSize = 1 | 2 | 4 | 8;

export class SlotsAndBus implements PhysicalSpace {
  readonly #slots: MemorySlots;
  readonly #bus: MmioBus;
  readonly #written: (address: GuestAddress) => void;

  /** `written`: told of what a device was given. */
  constructor(slots: MemorySlots, bus: MmioBus, written: (address: GuestAddress) => void) {
    this.#slots = slots;
    this.#bus = bus;
    this.#written = written;
  }

  readMemory(address: GuestAddress, size: AccessSize): bigint | undefined {
    const slot = this.#find(address, size);
    return slot && access(slot, address, size, (view) => READ[size](view));
  }

  writeMemory(address: GuestAddress, size: AccessSize, value: bigint): boolean {
    const slot = this.#find(address, size);
    if (slot === undefined || slot.readOnly) return false;
    access(slot, address, size, (view) => WRITE[size](view, value));
    return true;
  }

  readDevice(address: GuestAddress, size: AccessSize): number | bigint {
    return this.#bus.read(address, size);
  }

  writeDevice(address: GuestAddress, size: AccessSize, value: number | bigint): void {
    this.#bus.write(address, size, value);
    this.#written(address);
  }

  /** Register pages and BARs show a device, which answers for itself. */
  #find(address: GuestAddress, size: AccessSize): Slot | undefined {
    return this.#slots.slots.find(
      ({ kind, range }) => kind !== 'regs' && kind !== 'bar' && address >= range.base && address + size <= endOf(range),
    );
  }
}

const READ = {
  1: (view: DataView) => BigInt(view.getUint8(0)),
  2: (view: DataView) => BigInt(view.getUint16(0, true)),
  4: (view: DataView) => BigInt(view.getUint32(0, true)),
  8: (view: DataView) => view.getBigUint64(0, true),
} as const;
const WRITE = {
  1: (view: DataView, value: bigint) => view.setUint8(0, Number(value)),
  2: (view: DataView, value: bigint) => view.setUint16(0, Number(value), true),
  4: (view: DataView, value: bigint) => view.setUint32(0, Number(value), true),
  8: (view: DataView, value: bigint) => view.setBigUint64(0, value, true),
} as const;

/** A view of these bytes alone, for as long as `use` takes: one of all guest RAM costs (see Mapping.buffer). */
function access<Value>({ pointer, range }: Slot, address: GuestAddress, size: number, use: (view: DataView) => Value) {
  const buffer = viewOf(pointer + BigInt(address - range.base), size);
  try {
    return use(new DataView(buffer));
  } finally {
    buffer.transfer(0);
  }
}
