/** Memory that a back-end gets for a guest's: a sealed memfd at a guest address, mapped here too. */
import type { GuestAddress } from '../base/range.ts';
import { MiB } from '../base/units.ts';
import type { Fd } from '../host/fd.ts';
import { createMemfd, Mapping } from '../host/mapping.ts';

export const MEMORY_BASE = 0x4000_0000;
export const MEMORY_BYTES = 2 * MiB;

export class TestMemory implements Disposable {
  readonly fd: Fd;
  readonly view: DataView;
  readonly buffer: ArrayBuffer;
  readonly #resources = new DisposableStack();

  constructor() {
    this.fd = this.#resources.use(createMemfd('probe', MEMORY_BYTES));
    const mapping = this.#resources.use(Mapping.create(MEMORY_BYTES, { what: 'a probe', fd: this.fd }));
    this.buffer = mapping.buffer;
    this.view = new DataView(mapping.buffer);
  }

  /** The bytes at a guest address, as they are now and will be. */
  at(address: GuestAddress, size: number): Uint8Array {
    return new Uint8Array(this.buffer, address - MEMORY_BASE, size);
  }

  [Symbol.dispose](): void {
    this.#resources.dispose();
  }
}
