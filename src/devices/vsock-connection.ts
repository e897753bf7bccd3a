/**
 * One stream between guest and host (virtio 1.4 §5.10.6.3–5): its state, its half-closes, and the packets that are owed to the
 * guest. What the host sends is read straight into the guest's buffers, as much as the guest's credit allows.
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
import type { DescriptorChain } from '../virtio/chain.ts';
import { HostCredit } from './vsock-credit.ts';
import { VsockOutlet, type VsockScratch } from './vsock-outlet.ts';
import { HEADER_BYTES, type VsockHeader } from './vsock-packet.ts';
import type { Ports } from './vsock-ports.ts';
import type { VsockStream } from './vsock-stream.ts';

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
  /** Guest to host. */
  readonly #outlet: VsockOutlet;
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
    this.#outlet = new VsockOutlet(bufAlloc, scratch);
    this.#owner = owner;
    this.#scratch = scratch;
    this.#state = 'dialling';
  }

  /** What it may have to hold. */
  get bufAlloc(): number {
    return this.#outlet.credit.bufAlloc;
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
    const tellsCredit = this.#owed & CREDIT_UPDATE || (this.#state === 'open' && this.#outlet.credit.isNews);
    return tellsCredit ? this.#packet(VIRTIO_VSOCK_OP_CREDIT_UPDATE) : undefined;
  }

  /** Ends it towards the guest, with a last RST if `reset`. `linger`: what the guest sent still goes to the host's end. */
  end({ reset, linger = false }: { reset: boolean; linger?: boolean }): void {
    if (this.#state === 'over' || this.#state === 'released') return;
    this.#state = 'over';
    this.#owed = 0;
    this.#mayRead = false;
    this.#owner.over(this, reset);
    if (!linger || this.#outlet.isEmpty) this.release();
    else this.#watch();
  }

  /** The last chance for what the guest sent to reach the host's end, until `deadlineMs` of the loop's clock. */
  flush(loop: { readonly nowMs: number }, deadlineMs: number): void {
    while (this.#state === 'over' && this.#stream) {
      if (!this.#stream.waitForRoom(Math.max(0, deadlineMs - loop.nowMs))) return;
      this.#drain(this.#stream);
    }
  }

  /** Closes the host's end. */
  release(): void {
    if (this.#state === 'released') return;
    assert(this.#state === 'over', 'a vsock connection was released that is not over');
    this.#state = 'released';
    this.#closeStream();
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
        this.#owed |= CREDIT_UPDATE;
        this.#owner.wake(this);
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

  /** Payload of the guest. False when the guest may not send it. */
  #take(chain: DescriptorChain, length: number): boolean {
    if (this.#guestShutdown & SEND || !this.#outlet.hasRoom(length)) return false;
    if (this.#outlet.take(chain, length, this.#stream) === 'deaf') this.#oweShutdown(RCV);
    this.#tellCredit();
    this.#watch();
    return true;
  }

  /** What waits goes on. */
  #drain(stream: VsockStream): void {
    const outcome = this.#outlet.drain(stream);
    if (this.#state === 'over') {
      if (outcome !== 'waiting') this.release();
      return;
    }
    if (outcome === 'deaf') this.#oweShutdown(RCV);
    if (outcome === 'sent' && this.#guestShutdown & SEND) stream.endWriting();
    this.#tellCredit();
  }

  #tellCredit(): void {
    if (this.#outlet.credit.isNews) this.#owner.wake(this);
  }

  #hearShutdown(flags: number): void {
    const news = flags & ~this.#guestShutdown;
    this.#guestShutdown |= flags;
    if (this.#guestShutdown === BOTH) {
      this.end({ reset: true, linger: true });
      return;
    }
    if (news & SEND && this.#outlet.isEmpty) this.#stream?.endWriting();
    if (news & RCV) {
      this.#mayRead = false;
      this.#stream?.endReading();
      this.#watch();
    }
  }

  /** The host's end is ready for something, or gone. */
  #ready(): void {
    if (this.#stream && !this.#outlet.isEmpty) this.#drain(this.#stream);
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
      this.#outlet.close();
      this.#closeStream();
      this.#owner.closing(this);
    }
    return this.#packet(VIRTIO_VSOCK_OP_SHUTDOWN, { flags: this.#toldShutdown });
  }

  #takeOwed(packet: number): boolean {
    if (!(this.#owed & packet)) return false;
    this.#owed &= ~packet;
    return true;
  }

  /** Every packet carries our credit. */
  #packet(op: number, { flags = 0, length = 0 } = {}): OutgoingPacket {
    this.#owed &= ~CREDIT_UPDATE;
    return { op, flags, length, bufAlloc: this.bufAlloc, fwdCnt: this.#outlet.credit.announce() };
  }

  /** Asks to be told of what is waited for, and of nothing else. */
  #watch(): void {
    const takesInput = this.#state === 'open' && !this.#hostHasEnded && !(this.#guestShutdown & RCV);
    this.#stream?.want(takesInput && !this.#isMuted, !this.#outlet.isEmpty);
  }

  #closeStream(): void {
    this.#stream?.[Symbol.dispose]();
    this.#stream = undefined;
  }
}
