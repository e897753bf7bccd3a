/**
 * Every connection of a vsock device (virtio 1.4 §5.10.6): finds the one that a packet is for, opens and refuses them, and
 * lets them have their turns when the guest has room for a packet.
 */
import {
  VIRTIO_VSOCK_OP_REQUEST,
  VIRTIO_VSOCK_OP_RST,
  VIRTIO_VSOCK_TYPE_STREAM,
  VMADDR_CID_HOST,
} from '../abi/virtio-vsock.ts';
import { GuestFault } from '../base/errors.ts';
import { KiB, MiB } from '../base/units.ts';
import type { DescriptorChain } from '../virtio/chain.ts';
import type { IoLoop } from '../virtio/device.ts';
import { Timeouts } from '../virtio/timeouts.ts';
import { type ConnectionOwner, type OutgoingPacket, VsockConnection } from './vsock-connection.ts';
import { VsockDialler } from './vsock-dialler.ts';
import { VsockScratch } from './vsock-outlet.ts';
import { decodeHeader, encodeHeader, HEADER_BYTES, type VsockHeader } from './vsock-packet.ts';
import { type Ports, PortTable } from './vsock-ports.ts';
import type { VsockHost, VsockStream } from './vsock-stream.ts';

/** Far more than guests have, and few enough for a host's file descriptors and memory. */
export const CONNECTIONS_MAX = 8192;
/**
 * How much a guest may send that the host's end does not take: the first connections get much, later ones less, so that
 * what a guest can have us hold stays bounded: 64 MiB, and 16 KiB for each connection.
 */
const BUFFERS_BYTES = 64 * MiB;
const BUFFER_BYTES_MAX = 256 * KiB;
const BUFFER_BYTES_MIN = 16 * KiB;
/** A new connection gets at most this part of what is left. */
const BUFFERS_SHARE = 64;
/** Packets to connections that do not exist are answered by RST. A guest that does not collect the answers gets no more. */
export const RESETS_MAX = 1024;
/** Linux gives up a connect after 2 s (VSOCK_DEFAULT_CONNECT_TIMEOUT, net/vmw_vsock/af_vsock.c). */
const DIAL_MS = 2_000;
const OFFER_MS = 10_000;
/** As long as Linux waits for the same (VSOCK_CLOSE_TIMEOUT, net/vmw_vsock/virtio_transport_common.c). */
const CLOSE_MS = 8_000;
/** How long what the guest sent may still leave while everything else ends: within the 2 s that an end may take. */
const LAST_DATA_MS = 1_000;

export interface MuxerOptions {
  readonly guestCid: number;
  readonly host: VsockHost;
  readonly loop: IoLoop;
  /** There may be packets for the guest. */
  onPackets(): void;
}

/** The answer to what belongs to no connection. */
interface Reset extends Ports {
  readonly type: number;
}

export class VsockMuxer implements ConnectionOwner, Disposable {
  readonly #guestCid: number;
  readonly #host: VsockHost;
  readonly #loop: IoLoop;
  readonly #onPackets: () => void;
  readonly #scratch = new VsockScratch();
  readonly #header = new Uint8Array(HEADER_BYTES);
  readonly #headerView = new DataView(this.#header.buffer);
  readonly #byPorts = new PortTable<VsockConnection>();
  /** Also those that are over for the guest. */
  readonly #all = new Set<VsockConnection>();
  /** Those that may have a packet for the guest, whose turn is next first. */
  readonly #ready = new Set<VsockConnection>();
  readonly #resets: Reset[] = [];
  readonly #dialler: VsockDialler<VsockConnection>;
  readonly #dialling: Timeouts<VsockConnection>;
  readonly #offered: Timeouts<VsockConnection>;
  readonly #closing: Timeouts<VsockConnection>;
  #promisedBytes = 0;

  constructor({ guestCid, host, loop, onPackets }: MuxerOptions) {
    this.#guestCid = guestCid;
    this.#host = host;
    this.#loop = loop;
    this.#onPackets = onPackets;
    const giveUp = (connection: VsockConnection) => {
      connection.end({ reset: true });
      onPackets();
    };
    this.#dialling = new Timeouts(loop, DIAL_MS, giveUp);
    this.#offered = new Timeouts(loop, OFFER_MS, giveUp);
    this.#closing = new Timeouts(loop, CLOSE_MS, giveUp);
    this.#dialler = new VsockDialler(
      host,
      loop,
      (connection, stream) => (stream ? connection.accept(stream) : connection.end({ reset: true })),
      onPackets,
    );
  }

  get connectionCount(): number {
    return this.#all.size;
  }

  /** The guest is there. */
  start(): void {
    this.#host.listen((guestPort, stream) => this.#offer(guestPort, stream));
  }

  /** The guest is gone. What it sent last still goes to the host's ends. */
  reset(): void {
    this.#host.pause();
    for (const connection of [...this.#all]) connection.end({ reset: false, linger: true });
    this.#resets.length = 0;
  }

  [Symbol.dispose](): void {
    this.reset();
    // Whoever has room goes first: those that are waited for must not take the time of all others.
    for (const patienceMs of [0, LAST_DATA_MS]) {
      const deadlineMs = this.#loop.nowMs + patienceMs;
      for (const connection of [...this.#all]) connection.flush(this.#loop, deadlineMs);
    }
    for (const connection of [...this.#all]) connection.release();
    this.#host[Symbol.dispose]();
  }

  /** A packet of the guest. The chain stays the caller's. */
  receive(chain: DescriptorChain): void {
    if (chain.readableLength < HEADER_BYTES) {
      throw new GuestFault(`a vsock packet of ${chain.readableLength} bytes has no room for its header`);
    }
    chain.read(this.#header);
    const header = decodeHeader(this.#headerView);
    if (header.length > chain.readLeft) {
      throw new GuestFault(`a vsock packet says that it carries ${header.length} bytes and has ${chain.readLeft}`);
    }
    // Others are not ours to answer: nobody else is reached through this device.
    if (header.srcCid === this.#guestCid && header.dstCid === VMADDR_CID_HOST) this.#deliver(header, chain);
  }

  /** Whether `fill` may have something. */
  get hasPackets(): boolean {
    return this.#resets.length > 0 || this.#ready.size > 0;
  }

  /** Puts a packet for the guest into `chain` and completes it; false when there is none. */
  fill(chain: DescriptorChain): boolean {
    if (chain.writableLength < HEADER_BYTES) {
      throw new GuestFault(`a vsock buffer of ${chain.writableLength} bytes has no room for a header`);
    }
    const reset = this.#resets.shift();
    if (reset) {
      const packet = { op: VIRTIO_VSOCK_OP_RST, type: reset.type, flags: 0, length: 0, bufAlloc: 0, fwdCnt: 0 };
      this.#send(chain, reset, packet);
      return true;
    }
    for (const connection of this.#ready) {
      this.#ready.delete(connection);
      const packet = connection.fill(chain);
      if (!packet) continue;
      // It may have more: after everybody else.
      this.#ready.add(connection);
      this.#send(chain, connection, { ...packet, type: VIRTIO_VSOCK_TYPE_STREAM });
      return true;
    }
    return false;
  }

  wake(connection: VsockConnection): void {
    this.#ready.add(connection);
  }

  served(): void {
    this.#onPackets();
  }

  opened(connection: VsockConnection): void {
    this.#dialling.delete(connection);
    this.#offered.delete(connection);
  }

  closing(connection: VsockConnection): void {
    this.#closing.add(connection);
  }

  over(connection: VsockConnection, reset: boolean): void {
    this.#byPorts.delete(connection);
    this.#ready.delete(connection);
    this.#dialler.forget(connection);
    for (const timeouts of [this.#dialling, this.#offered, this.#closing]) timeouts.delete(connection);
    const { hostPort, guestPort } = connection;
    if (reset) this.#reset({ hostPort, guestPort, type: VIRTIO_VSOCK_TYPE_STREAM });
  }

  released(connection: VsockConnection): void {
    this.#all.delete(connection);
    this.#promisedBytes -= connection.bufAlloc;
  }

  #deliver(header: VsockHeader, chain: DescriptorChain): void {
    const { op, type } = header;
    const ports = { hostPort: header.dstPort, guestPort: header.srcPort };
    const connection = type === VIRTIO_VSOCK_TYPE_STREAM ? this.#byPorts.get(ports) : undefined;
    if (connection) connection.receive(header, chain);
    else if (op === VIRTIO_VSOCK_OP_REQUEST && type === VIRTIO_VSOCK_TYPE_STREAM) this.#request(ports, header);
    // §5.10.6.4.1: a packet of an unknown type is answered by RST, and Linux does the same for unknown connections.
    else if (op !== VIRTIO_VSOCK_OP_RST) this.#reset({ ...ports, type });
  }

  #request(ports: Ports, header: VsockHeader): void {
    const connection = this.#create(ports);
    if (!connection) {
      this.#reset({ ...ports, type: header.type });
      return;
    }
    connection.noteCredit(header);
    this.#dialling.add(connection);
    this.#dialler.dial(connection);
  }

  #offer(guestPort: number, stream: VsockStream): boolean {
    const connection = this.#create({ hostPort: this.#byPorts.freeHostPort(guestPort), guestPort });
    if (!connection) return false;
    this.#offered.add(connection);
    connection.offer(stream);
    this.#onPackets();
    return true;
  }

  /** Undefined when there are too many. */
  #create(ports: Ports): VsockConnection | undefined {
    if (this.#all.size >= CONNECTIONS_MAX) return undefined;
    const share = (BUFFERS_BYTES - this.#promisedBytes) / BUFFERS_SHARE;
    const bufAlloc = Math.floor(Math.min(Math.max(share, BUFFER_BYTES_MIN), BUFFER_BYTES_MAX));
    const connection = new VsockConnection(ports, bufAlloc, this, this.#scratch);
    this.#promisedBytes += bufAlloc;
    this.#all.add(connection);
    this.#byPorts.set(connection);
    return connection;
  }

  #reset(reset: Reset): void {
    if (this.#resets.length < RESETS_MAX) this.#resets.push(reset);
  }

  #send(chain: DescriptorChain, ports: Ports, packet: OutgoingPacket & { readonly type: number }): void {
    encodeHeader(this.#headerView, {
      ...packet,
      srcCid: VMADDR_CID_HOST,
      dstCid: this.#guestCid,
      srcPort: ports.hostPort,
      dstPort: ports.guestPort,
    });
    chain.writeAt(0, this.#header);
    chain.complete(HEADER_BYTES + packet.length);
  }
}
