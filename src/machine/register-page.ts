/**
 * A device's registers as a read-only memory slot: the guest's reads of them never leave KVM. While reads would have
 * effects the device takes the slot away, and they exit (docs/architecture.md, "Register pages").
 */
import { MADV_DONTNEED } from '../abi/libc.ts';
import { HostError } from '../base/errors.ts';
import type { AddressRange } from '../base/range.ts';
import type { SharedPage } from '../bus/mmio-device.ts';
import type { HostPointer } from '../host/libc.ts';
import { Mapping } from '../host/mapping.ts';
import type { MemorySlots, Slot } from '../memory/slots.ts';

/** What all register pages of a machine stand on. */
export interface RegisterPageHost {
  readonly slots: MemorySlots;
  /** Stage 2 forces write-back (FEAT_S2FWB): the guest's reads see our caches. */
  readonly isCoherent: boolean;
}

export class RegisterPage implements SharedPage, Disposable {
  readonly #memory: Mapping;
  readonly #slot: Slot;
  #host: RegisterPageHost | undefined;

  /** For the registers of device `name`, which start at `range.base`. `pageSize` is the host's: what a slot covers at least. */
  constructor(name: string, range: AddressRange, pageSize: number) {
    const size = Math.max(range.size, pageSize);
    this.#memory = Mapping.create(size, { what: `the registers of ${name}`, shared: true });
    this.#slot = {
      kind: 'regs',
      name: `registers of ${name}`,
      range: { base: range.base, size },
      pointer: this.#memory.pointer,
      readOnly: true,
    };
  }

  get view(): DataView {
    return this.#memory.view;
  }

  get pointer(): HostPointer {
    return this.#memory.pointer;
  }

  /** From now on the guest reads the page without leaving. */
  show(host: RegisterPageHost): void {
    this.#host = host;
    host.slots.add(this.#slot);
  }

  /**
   * Without FEAT_S2FWB the guest's reads, of Device memory, go past the caches in which our writes still are. So the page
   * is taken out of our address space, and with it, by KVM's MMU notifier, out of stage 2. The guest's next read faults, and KVM
   * cleans the page to the point of coherency before it maps it again, as it does for all memory that such hosts map.
   */
  publish(): void {
    if (this.#host?.isCoherent !== false || this.#memory.advise(MADV_DONTNEED)) return;
    throw new HostError(
      `Cannot publish the ${this.#slot.name}: this host keeps the page where it is (is all memory locked?): set register-pages to off`,
    );
  }

  setReadable(isReadable: boolean): void {
    if (isReadable) this.#host?.slots.add(this.#slot);
    else this.#host?.slots.remove(this.#slot);
  }

  [Symbol.dispose](): void {
    this.#memory[Symbol.dispose]();
  }
}
