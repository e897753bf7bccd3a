/** Guest physical addresses as a vCPU meets them: memory where there is a slot, and devices on the bus everywhere else. */
import { endOf, type GuestAddress } from '../base/range.ts';
import type { MmioBus } from '../bus/mmio-bus.ts';
import { copyIn, copyOut, type HostPointer } from '../host/libc.ts';
import type { MemorySlots, Slot, Unaligned } from '../memory/slots.ts';
import type { PhysicalSpace } from '../vcpu/undecoded.ts';

type AccessSize = 1 | 2 | 4 | 8;

export class SlotsAndBus implements PhysicalSpace {
  readonly #slots: MemorySlots;
  readonly #bus: MmioBus;
  readonly #written: (address: GuestAddress) => void;
  readonly #bytes = new Uint8Array(8);
  readonly #word = new DataView(this.#bytes.buffer);

  /** `written`: told of what a device was given. */
  constructor(slots: MemorySlots, bus: MmioBus, written: (address: GuestAddress) => void) {
    this.#slots = slots;
    this.#bus = bus;
    this.#written = written;
  }

  readMemory(address: GuestAddress, size: AccessSize): bigint | undefined {
    const slot = this.#find(address, size);
    if (slot === undefined) return undefined;
    this.#word.setBigUint64(0, 0n);
    copyIn(this.#bytes, pointerIn(slot, address), size);
    return this.#word.getBigUint64(0, true);
  }

  writeMemory(address: GuestAddress, size: AccessSize, value: bigint): boolean {
    const slot = this.#find(address, size);
    if (slot === undefined || slot.readOnly) return false;
    this.#word.setBigUint64(0, value, true);
    copyOut(pointerIn(slot, address), this.#bytes, size);
    return true;
  }

  isReadOnly(address: GuestAddress): boolean {
    return this.#find(address, 1)?.readOnly ?? false;
  }

  unalignedAt(address: GuestAddress): { name: string; answer: Unaligned } | undefined {
    const slot = this.#slots.slots.find(({ range }) => address >= range.base && address < endOf(range));
    return slot?.unaligned && { name: slot.name, answer: slot.unaligned };
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

function pointerIn({ pointer, range }: Slot, address: GuestAddress): HostPointer {
  return pointer + BigInt(address - range.base);
}
