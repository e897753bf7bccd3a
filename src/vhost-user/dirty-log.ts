/**
 * The log of a back-end ("Migration"): a bit for each page of guest memory that it has written since the front-end last looked,
 * in memory of the front-end's.
 */
import { VHOST_VRING_F_LOG } from '../abi/vhost.ts';
import { vring_used, vring_used_elem } from '../abi/virtio.ts';
import { bit } from '../base/bits.ts';
import type { GuestAddress } from '../base/range.ts';
import { EventFd } from '../host/eventfd.ts';
import type { Fd } from '../host/fd.ts';
import type { WriteLog } from '../virtio/queue.ts';
import type { VringAddress } from './payload.ts';
import { PeerFault } from './peer-fault.ts';
import { SharedFile } from './shared-file.ts';

/** "VHOST_LOG_PAGE", whatever the pages of the host and the guest are. */
export const LOG_PAGE_BYTES = 4096;
const BITS = 8;
/** Behind the entries of a used ring (virtio 1.4 §2.7.8, `avail_event`). */
const EVENT_BYTES = 2;

/** Bytes of a log for guest memory that ends there. */
export function logBytes(end: GuestAddress): number {
  return Math.ceil(end / LOG_PAGE_BYTES / BITS);
}

export class DirtyLog implements Disposable {
  #file: SharedFile | undefined;
  #bytes = new Uint8Array();
  #event: EventFd | undefined;
  /** VHOST_F_LOG_ALL was accepted. */
  isWanted = false;

  get isOn(): boolean {
    return this.isWanted && this.#file !== undefined;
  }

  /** "SET_LOG_BASE". `fd` stays the caller's. */
  replace(offset: bigint, size: bigint, fd: Fd): void {
    const file = new SharedFile(fd, offset, size, 'its log');
    this.#file?.[Symbol.dispose]();
    this.#file = file;
    this.#bytes = new Uint8Array(file.buffer);
  }

  /** "SET_LOG_FD": signalled when something was noted. Takes over `fd`. */
  setEvent(fd: Fd): void {
    this.#event?.[Symbol.dispose]();
    this.#event = new EventFd(fd.number);
  }

  /** A PeerFault where guest memory that ends there has no place in it. */
  checkHolds(end: GuestAddress): void {
    if (!this.isOn || this.#bytes.length >= logBytes(end)) return;
    throw new PeerFault(`its log has ${this.#bytes.length} bytes, and its memory needs ${logBytes(end)}`);
  }

  /** Others set and take bits of the same bytes meanwhile. */
  mark(address: GuestAddress, length: number): void {
    const last = Math.min(Math.floor((address + length - 1) / LOG_PAGE_BYTES), this.#bytes.length * BITS - 1);
    for (let page = Math.floor(address / LOG_PAGE_BYTES); page <= last; page++) {
      Atomics.or(this.#bytes, Math.floor(page / BITS), 1 << (page % BITS));
    }
  }

  /** For the queue of a ring, which says itself where its own pages are noted, if they are. */
  ofRing(size: number, addresses: () => VringAddress): WriteLog {
    const usedBytes = vring_used.size + size * vring_used_elem.size + EVENT_BYTES;
    const isOn = () => this.isOn;
    return {
      get isOn() {
        return isOn();
      },
      wrote: (address, length) => this.mark(address, length),
      wroteRing: () => {
        const { flags, log_guest_addr } = addresses();
        if ((flags & bit(VHOST_VRING_F_LOG)) !== 0) this.mark(Number(log_guest_addr), usedBytes);
        this.#event?.signalShared();
      },
    };
  }

  [Symbol.dispose](): void {
    this.#file?.[Symbol.dispose]();
    this.#event?.[Symbol.dispose]();
  }
}
