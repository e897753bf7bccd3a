/**
 * Credit (virtio 1.4 §5.10.6.3): nobody sends more than the other side can hold. Each side says in every packet how large
 * its buffer is (`buf_alloc`) and how much of what it ever got has left it again (`fwd_cnt`). Counters have 32 bits, and wrap.
 */
import type { VsockHeader } from './vsock-packet.ts';

/** What the guest may send: our buffer. */
export class GuestCredit {
  readonly bufAlloc: number;
  #fwdCnt = 0;
  /** The `fwdCnt` that the guest knows. */
  #announced = 0;

  constructor(bufAlloc: number) {
    this.bufAlloc = bufAlloc;
  }

  /** `count` bytes have left the buffer. */
  forwarded(count: number): void {
    this.#fwdCnt = (this.#fwdCnt + count) >>> 0;
  }

  /** Whether the guest should be told: before it runs out, but not for every few bytes. */
  get isNews(): boolean {
    return (this.#fwdCnt - this.#announced) >>> 0 >= this.bufAlloc / 2;
  }

  /** The `fwdCnt` of a packet that is sent now. */
  announce(): number {
    this.#announced = this.#fwdCnt;
    return this.#fwdCnt;
  }
}

/** What the host may send: the guest's buffer. */
export class HostCredit {
  #sent = 0;
  #bufAlloc = 0;
  #fwdCnt = 0;

  /** A packet of the guest says how it stands. */
  note({ bufAlloc, fwdCnt }: Pick<VsockHeader, 'bufAlloc' | 'fwdCnt'>): void {
    this.#bufAlloc = bufAlloc;
    this.#fwdCnt = fwdCnt;
  }

  /** Bytes that the guest can hold more. A guest that has taken more than it was sent, or shrunk its buffer, has no room. */
  get left(): number {
    return Math.max(0, this.#bufAlloc - ((this.#sent - this.#fwdCnt) >>> 0));
  }

  spend(count: number): void {
    this.#sent = (this.#sent + count) >>> 0;
  }
}
