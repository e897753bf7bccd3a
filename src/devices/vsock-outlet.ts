/**
 * What the guest sends through one connection, on its way out: straight from guest memory into the host's end of the stream.
 * What that does not take waits here, up to the credit that the guest was given (virtio 1.4 §5.10.6.3).
 */
import { ByteQueue } from '../base/byte-queue.ts';
import { KiB } from '../base/units.ts';
import type { DescriptorChain } from '../virtio/chain.ts';
import { IovecTable } from '../virtio/iovec-table.ts';
import { GuestCredit } from './vsock-credit.ts';
import { HEADER_BYTES } from './vsock-packet.ts';
import type { VsockStream } from './vsock-stream.ts';

/** What all connections of a device use in turn. */
export class VsockScratch {
  readonly iovecs = new IovecTable(64);
  readonly bytes = new Uint8Array(16 * KiB);
}

/** What became of bytes: the host's end has all of them, some wait, or it reads no more. */
export type Outcome = 'sent' | 'waiting' | 'deaf';

export class VsockOutlet {
  readonly #credit: GuestCredit;
  readonly #waiting: ByteQueue;
  readonly #scratch: VsockScratch;
  /** The host's end reads no more: what is for it goes nowhere. */
  #isDeaf = false;

  constructor(bufAlloc: number, scratch: VsockScratch) {
    this.#credit = new GuestCredit(bufAlloc);
    this.#waiting = new ByteQueue(bufAlloc);
    this.#scratch = scratch;
  }

  get credit(): GuestCredit {
    return this.#credit;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** Whether the guest may send `length` bytes more: §5.10.6.3.1, "MUST only be transmitted when the peer has sufficient free buffer space". */
  hasRoom(length: number): boolean {
    return this.#waiting.length + length <= this.#credit.bufAlloc;
  }

  /** Takes `length` bytes of a packet, whose header has been read. */
  take(chain: DescriptorChain, length: number, stream: VsockStream | undefined): Outcome {
    const sent = this.#isDeaf || !stream ? length : this.isEmpty ? this.#sendFrom(chain, length, stream) : 0;
    if (sent < 0) {
      this.close();
      this.#credit.forwarded(length);
      return 'deaf';
    }
    this.#credit.forwarded(sent);
    chain.skipRead(sent);
    for (let left = length - sent; left > 0; ) {
      const piece = this.#scratch.bytes.subarray(0, Math.min(left, this.#scratch.bytes.length));
      chain.read(piece);
      this.#waiting.push(piece);
      left -= piece.length;
    }
    return sent < length ? 'waiting' : 'sent';
  }

  /** The host's end has room again. */
  drain(stream: VsockStream): Outcome {
    while (this.#waiting.length > 0) {
      const piece = this.#waiting.peek();
      const count = stream.writeBytes(piece);
      if (count < 0) {
        this.close();
        return 'deaf';
      }
      this.#waiting.drop(count);
      this.#credit.forwarded(count);
      if (count < piece.length) return 'waiting';
    }
    return 'sent';
  }

  /** Nothing goes out any more: what waits and what comes is dropped. */
  close(): void {
    this.#isDeaf = true;
    this.#credit.forwarded(this.#waiting.length);
    this.#waiting.clear();
  }

  /** Straight from guest memory; how much was taken, or -1. */
  #sendFrom(chain: DescriptorChain, length: number, stream: VsockStream): number {
    const { iovecs } = this.#scratch;
    for (let done = 0; done < length; ) {
      iovecs.clear();
      chain.readableIovecs(iovecs, HEADER_BYTES + done, length - done);
      const count = stream.write(iovecs);
      if (count < 0) return -1;
      done += count;
      if (count < iovecs.byteLength) return done;
    }
    return length;
  }
}
