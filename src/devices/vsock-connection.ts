/**
 * One stream between guest and host (virtio 1.4 §5.10.6.3–5): its state, its credit both ways, its half-closes. What the
 * guest sends goes to the host's end at once; what that does not take waits here, up to the credit that the guest was
 * given. What the host sends is read straight into the guest's buffers, as much as the guest's credit allows.
 */
import {
  VIRTIO_VSOCK_OP_CREDIT_REQUEST,
  VIRTIO_VSOCK_OP_CREDIT_UPDATE,
  VIRTIO_VSOCK_OP_REQUEST,
  VIRTIO_VSOCK_OP_RESPONSE,
  VIRTIO_VSOCK_OP_RST,
  VIRTIO_VSOCK_OP_RW,
  VIRTIO_VSOCK_OP_SHUTDOWN,
  VIRTIO_VSOCK_SHUTDOWN_RCV,
  VIRTIO_VSOCK_SHUTDOWN_SEND,
} from '../abi/virtio-vsock.ts';
import { assert } from '../base/assert.ts';
import { ByteQueue } from '../base/byte-queue.ts';
import { KiB } from '../base/units.ts';
import type { DescriptorChain } from '../virtio/chain.ts';
import { IovecTable } from '../virtio/iovec-table.ts';
import { GuestCredit, HostCredit } from './vsock-credit.ts';
import { HEADER_BYTES, type VsockHeader } from './vsock-packet.ts';
import type { Ports } from './vsock-ports.ts';
import type { VsockStream } from './vsock-stream.ts';

/** What all connections of a device use in turn. */
export class VsockScratch {
  readonly iovecs = new IovecTable(64);
  readonly bytes = new Uint8Array(16 * KiB);
}

/** Whoever owns the connections. */
export interface ConnectionOwner {
  /** It may have a packet for the guest. */
  wake(connection: VsockConnection): void;
  /** The host's end was looked after: there may be packets for the guest. */
  served(): void;
  /** Both sides agree to it. */
  opened(connection: VsockConnection): void;
  /** The guest was told that both directions are closed, and shall answer. */
  closing(connection: VsockConnection): void;
  /** The guest and it have nothing to say to each other any more; `reset`: but for a last RST. */
  over(connection: VsockConnection, reset: boolean): void;
  /** The host's end is closed too. Comes after `over`. */
  released(connection: VsockConnection): void;
}

/**
 * `dialling`: the guest asked, the host's end is being opened. `offered`: the host asked, the guest has to answer.
 * `closing`: the guest has to confirm that it is over. `over`: the host's end still takes what the guest sent last.
 */
type State = 'dialling' | 'offered' | 'open' | 'closing' | 'over' | 'released';

/** Packets that have to be sent to the guest. */
const OWED = { REQUEST: 1, RESPONSE: 2, CREDIT_REQUEST: 4, CREDIT_UPDATE: 8 } as const;
const { REQUEST, RESPONSE, CREDIT_REQUEST, CREDIT_UPDATE } = OWED;
const SEND = VIRTIO_VSOCK_SHUTDOWN_SEND;
const RCV = VIRTIO_VSOCK_SHUTDOWN_RCV;
const BOTH = SEND | RCV;

/** What `fill` says about a packet; the rest of its header is the same for all. */
export type OutgoingPacket = Pick<VsockHeader, 'op' | 'flags' | 'length' | 'bufAlloc' | 'fwdCnt'>;

export class VsockConnection {
  readonly hostPort: number;
  readonly guestPort: number;
  readonly #owner: ConnectionOwner;
  readonly #scratch: VsockScratch;
  #state: State;
  #stream: VsockStream | undefined;
  #owed: number = 0;
  // Guest to host.
  readonly #guestCredit: GuestCredit;
  readonly #waiting: ByteQueue;
  /** The host's end reads no more. */
  #hostIsDeaf = false;
  // Host to guest.
  readonly #hostCredit = new HostCredit();
  #askedForCredit = false;
  /** The host's end may have something to read: nobody has to tell us. */
  #mayRead = false;
  /** We were told so a second time before there was an occasion to read: no more of that until there was. */
  #isMuted = false;
  #hostHasEnded = false;
  // Flags of SHUTDOWN: what the guest has said, what it was told, what it has yet to be told.
  #guestShutdown = 0;
  #toldShutdown = 0;
  #owedShutdown = 0;

  constructor(ports: Ports, bufAlloc: number, owner: ConnectionOwner, scratch: VsockScratch) {
    this.hostPort = ports.hostPort;
    this.guestPort = ports.guestPort;
    this.#guestCredit = new GuestCredit(bufAlloc);
    this.#owner = owner;
    this.#scratch = scratch;
    this.#waiting = new ByteQueue(bufAlloc);
    this.#state = 'dialling';
  }

  /** What it may have to hold. */
  get bufAlloc(): number {
    return this.#guestCredit.bufAlloc;
  }

  /** The guest's request (§5.10.6.5) has reached a host that answers it through `stream`. */
  accept(stream: VsockStream): void {
    this.#stream = stream;
    this.#owed |= RESPONSE;
    this.#open();
  }

  /** What the guest says about its room, in whatever packet. */
  noteCredit(header: VsockHeader): void {
    this.#hostCredit.note(header);
  }

  /** The host asks for the connection through `stream`. */
  offer(stream: VsockStream): void {
    this.#stream = stream;
    this.#state = 'offered';
    this.#owed |= REQUEST;
    this.#owner.wake(this);
  }

  /** A packet of the guest; `chain` has been read up to its payload, and holds all of it. */
  receive(header: VsockHeader, chain: DescriptorChain): void {
    this.noteCredit(header);
    if (header.op === VIRTIO_VSOCK_OP_RST) this.end({ reset: false });
    else if (!this.#obey(header, chain)) this.end({ reset: true });
    else if (this.#state === 'open' && this.#mayRead && this.#hostCredit.left > 0) this.#owner.wake(this);
  }

  /**
   * Puts the payload of the next packet to the guest into `chain`, behind the place of its header, and says what belongs
   * there. Undefined when there is nothing to send.
   */
  fill(chain: DescriptorChain): OutgoingPacket | undefined {
    if (this.#takeOwed(REQUEST)) return this.#packet(VIRTIO_VSOCK_OP_REQUEST);
    if (this.#takeOwed(RESPONSE)) return this.#packet(VIRTIO_VSOCK_OP_RESPONSE);
    if (this.#owedShutdown & ~this.#toldShutdown) return this.#tellShutdown();
    const length = this.#state === 'open' && this.#mayRead ? this.#readInto(chain) : 0;
    if (length > 0) return this.#packet(VIRTIO_VSOCK_OP_RW, { length });
    if (this.#takeOwed(CREDIT_REQUEST)) return this.#packet(VIRTIO_VSOCK_OP_CREDIT_REQUEST);
    return this.#owed & CREDIT_UPDATE ? this.#packet(VIRTIO_VSOCK_OP_CREDIT_UPDATE) : undefined;
  }

  /** Ends it towards the guest, with a last RST if `reset`. `linger`: what the guest sent still goes to the host's end. */
  end({ reset, linger = false }: { reset: boolean; linger?: boolean }): void {
    if (this.#state === 'over' || this.#state === 'released') return;
    this.#state = 'over';
    this.#owed = 0;
    this.#mayRead = false;
    this.#owner.over(this, reset);
    if (!linger || this.#waiting.length === 0) this.release();
    else this.#watch();
  }

  /** Closes the host's end. */
  release(): void {
    if (this.#state === 'released') return;
    assert(this.#state === 'over', 'a vsock connection was released that is not over');
    this.#state = 'released';
    this.#closeStream();
    this.#waiting.clear();
    this.#owner.released(this);
  }

  /** Whether the packet was one that may come now. */
  #obey(header: VsockHeader, chain: DescriptorChain): boolean {
    if (header.op === VIRTIO_VSOCK_OP_RESPONSE) return this.#confirm();
    if (this.#state !== 'open' && this.#state !== 'closing') return false;
    switch (header.op) {
      case VIRTIO_VSOCK_OP_RW:
        return this.#take(chain, header.length);
      case VIRTIO_VSOCK_OP_SHUTDOWN:
        this.#hearShutdown(header.flags & BOTH);
        return true;
      case VIRTIO_VSOCK_OP_CREDIT_UPDATE:
        return true;
      case VIRTIO_VSOCK_OP_CREDIT_REQUEST:
        this.#owe(CREDIT_UPDATE);
        return true;
      default:
        return false;
    }
  }

  #confirm(): boolean {
    if (this.#state !== 'offered' || this.#owed & REQUEST) return false;
    this.#open();
    this.#stream!.established(this.hostPort);
    return true;
  }

  #open(): void {
    this.#state = 'open';
    this.#owner.opened(this);
    this.#stream!.start(() => {
      this.#ready();
      this.#owner.served();
    });
    this.#watch();
    this.#owner.wake(this);
  }

  /** Payload of the guest. False when the guest may not send it (§5.10.6.3.1: "MUST only be sent with sufficient credit"). */
  #take(chain: DescriptorChain, length: number): boolean {
    if (this.#guestShutdown & SEND || this.#waiting.length + length > this.bufAlloc) return false;
    const sent = this.#hostIsDeaf ? length : this.#waiting.length === 0 ? this.#sendFrom(chain, length) : 0;
    this.#forwarded(sent);
    chain.skipRead(sent);
    const { bytes } = this.#scratch;
    for (let left = length - sent; left > 0; ) {
      const piece = bytes.subarray(0, Math.min(left, bytes.length));
      chain.read(piece);
      this.#waiting.push(piece);
      left -= piece.length;
    }
    this.#watch();
    return true;
  }

  /** Straight from guest memory to the host's end; returns how much is settled. */
  #sendFrom(chain: DescriptorChain, length: number): number {
    const { iovecs } = this.#scratch;
    for (let done = 0; done < length; ) {
      iovecs.clear();
      chain.readableIovecs(iovecs, HEADER_BYTES + done, length - done);
      const count = this.#stream!.write(iovecs);
      if (count < 0) {
        this.#lostReader();
        return length;
      }
      done += count;
      if (count < iovecs.byteLength) return done;
    }
    return length;
  }

  #drain(): void {
    while (this.#waiting.length > 0) {
      const piece = this.#waiting.peek();
      const count = this.#stream!.writeBytes(piece);
      if (count < 0) {
        this.#lostReader();
        return;
      }
      this.#waiting.drop(count);
      this.#forwarded(count);
      if (count < piece.length) return;
    }
    if (this.#state === 'over') this.release();
    else if (this.#guestShutdown & SEND) this.#stream!.endWriting();
  }

  /** `count` bytes of the guest have left. */
  #forwarded(count: number): void {
    if (this.#guestCredit.forwarded(count)) this.#owe(CREDIT_UPDATE);
  }

  /** The host's end reads no more: what is for it goes nowhere. */
  #lostReader(): void {
    const lost = this.#waiting.length;
    this.#waiting.clear();
    this.#hostIsDeaf = true;
    this.#forwarded(lost);
    if (this.#state === 'over') this.release();
    else this.#oweShutdown(RCV);
  }

  #hearShutdown(flags: number): void {
    const news = flags & ~this.#guestShutdown;
    this.#guestShutdown |= flags;
    if (this.#guestShutdown === BOTH) {
      this.end({ reset: true, linger: true });
      return;
    }
    if (news & SEND && this.#waiting.length === 0) this.#stream?.endWriting();
    if (news & RCV) {
      this.#mayRead = false;
      this.#stream?.endReading();
      this.#watch();
    }
  }

  /** The host's end is ready for something, or gone. */
  #ready(): void {
    if (this.#waiting.length > 0) this.#drain();
    if (this.#state === 'open') this.#lookForInput();
    this.#watch();
  }

  #lookForInput(): void {
    if (!this.#hostHasEnded && !(this.#guestShutdown & RCV)) {
      this.#isMuted = this.#mayRead;
      this.#mayRead = true;
      this.#owner.wake(this);
    } else if (this.#stream?.isGone) this.#oweShutdown(BOTH);
  }

  #readInto(chain: DescriptorChain): number {
    const credit = this.#hostCredit.left;
    if (credit === 0) {
      if (!this.#askedForCredit) this.#owed |= CREDIT_REQUEST;
      this.#askedForCredit = true;
      return 0;
    }
    this.#askedForCredit = false;
    const { iovecs } = this.#scratch;
    iovecs.clear();
    chain.writableIovecs(iovecs, HEADER_BYTES, Math.min(credit, chain.writableLength - HEADER_BYTES));
    if (iovecs.byteLength === 0) {
      // A buffer without room for payload is used up by a packet without one.
      this.#owed |= CREDIT_UPDATE;
      return 0;
    }
    const count = this.#stream!.read(iovecs);
    if (count < 0) {
      this.#mayRead = false;
      this.#hostHasEnded = true;
      this.#oweShutdown(this.#stream!.isGone ? BOTH : SEND);
    } else if (count < iovecs.byteLength && !this.#stream!.isGone) {
      this.#mayRead = false;
      this.#isMuted = false;
    }
    this.#watch();
    if (count <= 0) return 0;
    this.#hostCredit.spend(count);
    return count;
  }

  #oweShutdown(flags: number): void {
    this.#owedShutdown |= flags;
    this.#owner.wake(this);
  }

  #tellShutdown(): OutgoingPacket {
    this.#toldShutdown |= this.#owedShutdown;
    if (this.#toldShutdown === BOTH) {
      this.#state = 'closing';
      this.#hostIsDeaf = true;
      this.#waiting.clear();
      this.#closeStream();
      this.#owner.closing(this);
    }
    return this.#packet(VIRTIO_VSOCK_OP_SHUTDOWN, { flags: this.#toldShutdown });
  }

  #owe(packet: number): void {
    this.#owed |= packet;
    if (this.#state !== 'over') this.#owner.wake(this);
  }

  #takeOwed(packet: number): boolean {
    if (!(this.#owed & packet)) return false;
    this.#owed &= ~packet;
    return true;
  }

  /** Every packet carries our credit. */
  #packet(op: number, { flags = 0, length = 0 } = {}): OutgoingPacket {
    this.#owed &= ~CREDIT_UPDATE;
    return { op, flags, length, bufAlloc: this.bufAlloc, fwdCnt: this.#guestCredit.announce() };
  }

  /** Asks to be told of what is waited for, and of nothing else. */
  #watch(): void {
    const takesInput = this.#state === 'open' && !this.#hostHasEnded && !(this.#guestShutdown & RCV);
    this.#stream?.want(takesInput && !this.#isMuted, this.#waiting.length > 0);
  }

  #closeStream(): void {
    this.#stream?.[Symbol.dispose]();
    this.#stream = undefined;
  }
}
