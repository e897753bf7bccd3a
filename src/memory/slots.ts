/**
 * The one place that decides which guest addresses are memory: typed slots that never overlap, aligned to the host's
 * pages, inside the guest's address space. What a slot *is* in KVM is the sink's business.
 */
import { assert } from '../base/assert.ts';
import { isAligned } from '../base/bits.ts';
import { ConfigError } from '../base/errors.ts';
import { type AddressRange, endOf, formatRange, overlaps } from '../base/range.ts';
import { formatSize } from '../base/units.ts';

/** ram: guest memory · pool: restricted DMA · shm: shared window · rom: firmware · bar: a PCI BAR · regs: a register page. */
export type SlotKind = 'ram' | 'pool' | 'shm' | 'rom' | 'bar' | 'regs';

/** It is carried out, gives the guest an alignment fault, or ends the run. */
export type Unaligned = 'emulate' | 'inject' | 'stop';

export interface Slot {
  readonly kind: SlotKind;
  /** What it is, in errors and logs: "RAM", "registers of pl011". */
  readonly name: string;
  readonly range: AddressRange;
  /** Where its bytes lie in our process. */
  readonly pointer: bigint;
  /** The guest's writes exit (or are refused); its reads never do. */
  readonly readOnly: boolean;
  /** KVM maps it as a device, so that the CPU refuses an access that is not aligned: what is done about one. */
  readonly unaligned?: Unaligned;
}

/** Where slots take effect: a VM. */
export interface SlotSink {
  setSlot(number: number, slot: Slot): void;
  removeSlot(number: number, slot: Slot): void;
}

export interface SlotLimits {
  /** Bytes of a host page: KVM wants slots aligned to it. */
  readonly pageSize: number;
  /** Guest physical address bits. */
  readonly ipaBits: number;
}

export class MemorySlots {
  readonly #limits: SlotLimits;
  /** Slot number → slot; a removed one leaves a hole that the next add fills. */
  readonly #slots: (Slot | undefined)[] = [];
  #sink: SlotSink | undefined;

  constructor(limits: SlotLimits) {
    this.#limits = limits;
  }

  get slots(): readonly Slot[] {
    return this.#slots.filter((slot) => slot !== undefined);
  }

  /** Puts all slots into a (new) VM, and every later change too. */
  attach(sink: SlotSink): void {
    this.#sink = sink;
    this.#slots.forEach((slot, number) => {
      if (slot) sink.setSlot(number, slot);
    });
  }

  /** From now on changes are only remembered: the VM is gone. */
  detach(): void {
    this.#sink = undefined;
  }

  /** Adds `slot`, or says in a ConfigError why it cannot lie there. */
  add(slot: Slot): void {
    this.checkPlace(slot);
    const hole = this.#slots.indexOf(undefined);
    const number = hole === -1 ? this.#slots.length : hole;
    this.#sink?.setSlot(number, slot);
    this.#slots[number] = slot;
  }

  /** A ConfigError where no slot of that range can be. */
  checkPlace({ name, range }: Pick<Slot, 'name' | 'range'>): void {
    const { pageSize, ipaBits } = this.#limits;
    const at = `Cannot put ${name} (${formatSize(range.size)}) at ${formatRange(range)}`;
    if (range.size <= 0) throw new ConfigError(`Cannot put ${name} into the guest: it has no size`);
    if (!isAligned(range.base, pageSize) || !isAligned(range.size, pageSize)) {
      throw new ConfigError(
        `${at}: its address and size must be multiples of the host's page size, ${formatSize(pageSize)}`,
      );
    }
    if (endOf(range) > 2 ** ipaBits) {
      throw new ConfigError(
        `${at}: this host gives a guest ${ipaBits} address bits, ${formatSize(2 ** ipaBits)} in all: give it less memory or a lower base`,
      );
    }
    const other = this.#slots.find((slot) => slot !== undefined && overlaps(slot.range, range));
    if (other) throw new ConfigError(`${at}: ${other.name} lies at ${formatRange(other.range)}`);
  }

  remove(slot: Slot): void {
    const number = this.#slots.indexOf(slot);
    assert(number !== -1, `memory slot ${slot.name} was removed twice`);
    this.#slots[number] = undefined;
    this.#sink?.removeSlot(number, slot);
  }
}
