/**
 * A device's register page as a read-only memory slot: the guest's reads of it never leave KVM. While reads would have
 * effects the device takes the slot away, and they exit (docs/architecture.md, "Register pages").
 */
import type { AddressRange } from '../base/range.ts';
import type { RegisterPageDevice } from '../bus/mmio-device.ts';
import { Mapping } from '../host/mapping.ts';
import type { MemorySlots, Slot } from '../memory/slots.ts';

export class RegisterPage implements Disposable {
  readonly #memory: Mapping;

  /** `pageSize` is the host's: what a slot covers at least. Devices lie far enough apart for it. */
  constructor(device: RegisterPageDevice, range: AddressRange, slots: MemorySlots, pageSize: number) {
    const size = Math.max(range.size, pageSize);
    this.#memory = Mapping.create(size, { what: `the registers of ${device.name}` });
    const slot: Slot = {
      kind: 'regs',
      name: `registers of ${device.name}`,
      range: { base: range.base, size },
      pointer: this.#memory.pointer,
      readOnly: true,
    };
    slots.add(slot);
    device.attachPage(this.#memory.view, (free) => {
      if (free) slots.add(slot);
      else slots.remove(slot);
    });
  }

  [Symbol.dispose](): void {
    this.#memory[Symbol.dispose]();
  }
}
