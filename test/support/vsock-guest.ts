/**
 * A guest's side of virtio-vsock, for tests: it sends packets over real rings, has its streams keep to their credit, and
 * lets the device's loop turn until something has happened. The host's side are real Unix sockets.
 */
import { VIRTIO_VSOCK_OP_RW, VIRTIO_VSOCK_TYPE_STREAM, VMADDR_CID_HOST } from '../../src/abi/virtio-vsock.ts';
import { VsockSockets } from '../../src/backends/vsock-sockets.ts';
import { KiB } from '../../src/base/units.ts';
import { VirtioVsock } from '../../src/devices/virtio-vsock.ts';
import { decodeHeader, encodeHeader, HEADER_BYTES, type VsockHeader } from '../../src/devices/vsock-packet.ts';
import type { DriverBuffer, DriverQueue } from './driver.ts';
import { LoopRig } from './loop-rig.ts';

export const GUEST_CID = 42;
const QUEUE_SIZE = 128;
/** As Linux has them, less what its own bookkeeping takes (VIRTIO_VSOCK_DEFAULT_RX_BUF_SIZE). */
const RX_BYTES = 4 * KiB - 320;
const RX = 0;
const TX = 1;

export interface Packet extends VsockHeader {
  readonly payload: Uint8Array;
}

export interface VsockGuestOptions {
  readonly path: string;
  readonly rxBuffers?: number;
  readonly rxBytes?: number;
}

export class VsockGuest implements Disposable {
  /** What the device has sent and no stream took. */
  readonly packets: Packet[] = [];
  /** Whether used rx buffers are given to the device again. */
  refills = true;
  readonly #rig: LoopRig<VirtioVsock>;
  readonly #options: VsockGuestOptions;
  readonly #streams = new Map<string, GuestStream>();
  #memoryMark = 0;
  #nextPort = 1024;

  constructor(options: VsockGuestOptions) {
    this.#options = options;
    this.#rig = new LoopRig(({ loop, log }) => {
      const sockets = new VsockSockets({ path: options.path, keyPath: 'devices.vsock.path', loop, log });
      return new VirtioVsock(sockets, loop, { guestCid: GUEST_CID, queueSize: QUEUE_SIZE });
    });
  }

  get device(): VirtioVsock {
    return this.#rig.device;
  }

  /** Why the device needs a reset. */
  get fault(): string | undefined {
    return this.#rig.fault;
  }

  get rx(): DriverQueue {
    return this.#rig.queue(RX);
  }

  /** DRIVER_OK. */
  start(): void {
    this.#rig.prepare(QUEUE_SIZE);
    const { rxBuffers = QUEUE_SIZE, rxBytes = RX_BYTES } = this.#options;
    for (let count = 0; count < rxBuffers; count++) this.rx.add({ writable: [rxBytes] });
    this.#memoryMark = this.#rig.ram.mark;
    this.rx.kick();
    this.#rig.activate();
  }

  reset(): void {
    this.#rig.reset();
    this.#streams.clear();
    this.packets.length = 0;
  }

  /** A packet as it should be, or with whatever `header` says instead. */
  send(header: Partial<VsockHeader>, payload: Uint8Array = new Uint8Array(0)): void {
    const bytes = new Uint8Array(HEADER_BYTES + payload.length);
    const { length } = payload;
    encodeHeader(new DataView(bytes.buffer), {
      ...{ srcCid: GUEST_CID, dstCid: VMADDR_CID_HOST, srcPort: 0, dstPort: 0, type: VIRTIO_VSOCK_TYPE_STREAM },
      ...{ op: 0, flags: 0, bufAlloc: 256 * KiB, fwdCnt: 0, length, ...header },
    });
    bytes.set(payload, HEADER_BYTES);
    this.sendRaw([bytes]);
  }

  /** A chain of these parts in the tx queue. */
  sendRaw(readable: readonly Uint8Array[]): void {
    const tx = this.#rig.queue(TX);
    tx.add({ readable });
    this.#rig.kick(TX);
    // The device gives it back at once, unless it is broken.
    while (!tx.take() && this.fault === undefined) this.turn();
    this.#rig.ram.release(this.#memoryMark);
  }

  /** A stream of the guest from a port that nobody uses, or `guestPort`. */
  stream(hostPort: number, guestPort = this.#nextPort++): GuestStream {
    const stream = new GuestStream(this, hostPort, guestPort);
    this.#streams.set(`${hostPort}:${guestPort}`, stream);
    return stream;
  }

  /** Takes what the device has sent so far. */
  collect(): void {
    const emptied: DriverBuffer[] = [];
    for (let buffer = this.rx.take(); buffer; buffer = this.rx.take()) {
      const bytes = buffer.written();
      const header = decodeHeader(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength));
      const packet = { ...header, payload: bytes.slice(HEADER_BYTES) };
      emptied.push(buffer);
      const stream = this.#streams.get(`${header.srcPort}:${header.dstPort}`);
      if (stream) stream.receive(packet);
      else this.packets.push(packet);
    }
    if (emptied.length > 0 && this.refills) this.refill(emptied);
  }

  refill(buffers: readonly DriverBuffer[]): void {
    for (const { segments } of buffers) this.rx.addSegments(segments);
    this.#rig.kick(RX);
  }

  /** Lets the device work until `condition` holds. */
  until(condition: () => boolean, what: string): void {
    this.#rig.until(() => {
      this.collect();
      return condition();
    }, what);
  }

  /** Lets the device work for a while. */
  settle(ms = 20): void {
    const end = performance.now() + ms;
    this.until(() => performance.now() > end, 'time to pass');
  }

  turn(): void {
    this.#rig.turn();
  }

  [Symbol.dispose](): void {
    this.#rig[Symbol.dispose]();
  }
}

/** A socket in the guest. Reads at once what arrives, unless told otherwise. */
export class GuestStream {
  readonly hostPort: number;
  readonly guestPort: number;
  /** Everything that came for it. */
  readonly packets: Packet[] = [];
  /** How much it can hold, as it says. */
  bufAlloc = 64 * KiB;
  /** Whether it takes what arrives, so that there is room again. */
  reads = true;
  readonly #guest: VsockGuest;
  readonly #received: Uint8Array[] = [];
  #receivedBytes = 0;
  #taken = 0;
  #announced = 0;
  #sent = 0;

  constructor(guest: VsockGuest, hostPort: number, guestPort: number) {
    this.#guest = guest;
    this.hostPort = hostPort;
    this.guestPort = guestPort;
  }

  get received(): Buffer {
    return Buffer.concat(this.#received);
  }

  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  /** How often the device has said `op`. */
  heard(op: number): number {
    return this.packets.filter((packet) => packet.op === op).length;
  }

  /** Flags of SHUTDOWN packets so far. */
  get shutdown(): number {
    return this.packets.reduce((flags, packet) => flags | packet.flags, 0);
  }

  /** How much it may send. */
  get credit(): number {
    const { bufAlloc = 0, fwdCnt = 0 } = this.packets.at(-1) ?? {};
    return bufAlloc - ((this.#sent - fwdCnt) >>> 0);
  }

  send(op: number, more: Partial<VsockHeader> = {}, payload?: Uint8Array): void {
    this.#announced = this.#taken;
    const { bufAlloc, hostPort: dstPort, guestPort: srcPort } = this;
    this.#guest.send({ op, dstPort, srcPort, bufAlloc, fwdCnt: this.#taken >>> 0, ...more }, payload);
  }

  /** Sends as much of `bytes` as credit and a packet allow; returns how much. */
  write(bytes: Uint8Array): number {
    const piece = bytes.subarray(0, Math.min(this.credit, 64 * KiB));
    if (piece.length === 0) return 0;
    this.#sent += piece.length;
    this.send(VIRTIO_VSOCK_OP_RW, {}, piece);
    return piece.length;
  }

  receive(packet: Packet): void {
    this.packets.push(packet);
    if (packet.op !== VIRTIO_VSOCK_OP_RW) return;
    this.#received.push(packet.payload);
    this.#receivedBytes += packet.length;
    if (this.reads) this.#taken = this.#receivedBytes;
  }

  /** Whether the device has to be told of room, as Linux does when less than half is left. */
  get owesUpdate(): boolean {
    return this.#taken - this.#announced >= this.bufAlloc / 2;
  }

  /** Reads all that has arrived. */
  readAll(): void {
    this.#taken = this.#receivedBytes;
  }
}
