/**
 * Memory in which a back-end notes what it has in hand ("Inflight I/O tracking"). It is made by the back-end and kept by us, so
 * that its successor knows what to do again, and what not. We never look into it.
 */
import { fstatSync } from 'node:fs';
import type { Fd } from '../host/fd.ts';
import { PeerFault } from './peer-fault.ts';
import type { Body, FRONT_END_REQUESTS } from './requests.ts';

type Description = Body<typeof FRONT_END_REQUESTS, 'SET_INFLIGHT_FD'>;

/** Far more than the notes of 256 queues of 1024 entries; a back-end does not make us keep more for it. */
const BYTES_MAX = 16n * 1024n * 1024n;

export class InflightMemory implements Disposable {
  #kept: { readonly description: Description; readonly fd: Fd } | undefined;

  get kept(): { readonly description: Description; readonly fd: Fd } | undefined {
    return this.#kept;
  }

  /** Takes over `fd`, if it is what the description says. */
  keep(description: Description, fd: Fd): void {
    const { mmap_size, mmap_offset } = description;
    const end = mmap_offset + mmap_size;
    const file = fstatSync(fd.number, { bigint: true });
    if (!file.isFile()) throw new PeerFault('its memory for requests in hand is none: the descriptor is no file');
    if (mmap_size === 0n || end > BYTES_MAX || end > file.size) {
      throw new PeerFault(`its memory for requests in hand is none: ${mmap_size} bytes at ${mmap_offset}`);
    }
    this.forget();
    this.#kept = { description, fd };
  }

  /** The driver begins anew: what was in hand is not any more. */
  forget(): void {
    this.#kept?.fd[Symbol.dispose]();
    this.#kept = undefined;
  }

  [Symbol.dispose](): void {
    this.forget();
  }
}
