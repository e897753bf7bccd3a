/**
 * KVM's coalesced MMIO ring (api.rst §4.116): writes that KVM stored away instead of exiting. One ring per VM, mapped
 * behind every vCPU's kvm_run; only the main thread reads it, the kernel writes it under its own lock.
 */
import { kvm_coalesced_mmio, kvm_coalesced_mmio_ring } from '../abi/kvm.ts';
import type { GuestAddress } from '../base/range.ts';

const ENTRIES_OFFSET = kvm_coalesced_mmio_ring.size;
const ENTRY_SIZE = kvm_coalesced_mmio.size;
const Entry = kvm_coalesced_mmio.fields;

export class CoalescedRing {
  readonly #view: DataView;
  /** `first` is ours, `last` the kernel's; it publishes an entry with smp_wmb() before it moves `last`. */
  readonly #indices: Uint32Array;
  readonly #countMax: number;

  /** `page` is the ring's page: KVM_CAP_COALESCED_MMIO host pages into the vCPU mapping. */
  constructor(page: DataView) {
    this.#view = page;
    this.#indices = new Uint32Array(page.buffer, page.byteOffset, 2);
    this.#countMax = Math.floor((page.byteLength - ENTRIES_OFFSET) / ENTRY_SIZE);
  }

  /** Hands every stored write (1…4 bytes) to `write`, oldest first; returns how many there were. */
  drain(write: (address: GuestAddress, size: number, value: number) => void): number {
    const view = this.#view;
    let first = this.#indices[0]!;
    const last = Atomics.load(this.#indices, 1);
    let count = 0;
    while (first !== last) {
      const offset = ENTRIES_OFFSET + first * ENTRY_SIZE;
      const address =
        view.getUint32(offset + Entry.phys_addr.offset + 4, true) * 2 ** 32 +
        view.getUint32(offset + Entry.phys_addr.offset, true);
      const size = view.getUint32(offset + Entry.len.offset, true);
      const value = view.getUint32(offset + Entry.data.offset, true);
      write(address, size, size === 1 ? value & 0xff : size === 2 ? value & 0xffff : value);
      first = (first + 1) % this.#countMax;
      Atomics.store(this.#indices, 0, first);
      count++;
    }
    return count;
  }
}
