/** Memory that a back-end gets for a guest's: a sealed memfd at a guest address, mapped here too. */
import { alignUp, bit } from '../base/bits.ts';
import type { GuestAddress } from '../base/range.ts';
import { MiB } from '../base/units.ts';
import type { Fd } from '../host/fd.ts';
import { createMemfd, Mapping } from '../host/mapping.ts';
import { pageSize } from '../host/page-size.ts';
import { LOG_PAGE_BYTES, logBytes } from '../vhost-user/dirty-log.ts';

export const MEMORY_BASE = 0x4000_0000;
export const MEMORY_BYTES = 2 * MiB;

/** A log for all of it, as a front-end keeps it for a migration. */
export class TestLog implements Disposable {
  readonly size = alignUp(logBytes(MEMORY_BASE + MEMORY_BYTES), pageSize());
  readonly fd: Fd;
  readonly #mapping: Mapping;

  constructor() {
    this.fd = createMemfd('probe-log', this.size);
    this.#mapping = Mapping.create(this.size, { what: 'the log of a probe', fd: this.fd });
  }

  /** Whether the page at a guest address was written. */
  isMarked(address: GuestAddress): boolean {
    const page = Math.floor(address / LOG_PAGE_BYTES);
    return (this.#mapping.view.getUint8(Math.floor(page / 8)) & bit(page % 8)) !== 0;
  }

  [Symbol.dispose](): void {
    this.#mapping[Symbol.dispose]();
    this.fd[Symbol.dispose]();
  }
}

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
