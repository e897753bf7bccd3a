/**
 * A guest's side of virtio-vsock, for tests: it sends packets over real rings, has its streams keep to their credit, and
 * lets the device's loop turn until something has happened. The host's side are real Unix sockets.
 */
import { VIRTIO_VSOCK_OP_RW, VIRTIO_VSOCK_TYPE_STREAM, VMADDR_CID_HOST } from '../../src/abi/virtio-vsock.ts';
import { VsockSockets } from '../../src/backends/vsock-sockets.ts';
import { KiB, MiB } from '../../src/base/units.ts';
import { VirtioVsock } from '../../src/devices/virtio-vsock.ts';
import { decodeHeader, encodeHeader, HEADER_BYTES, type VsockHeader } from '../../src/devices/vsock-packet.ts';
import { Mapping } from '../../src/host/mapping.ts';
import { DeviceHost } from '../../src/io/device-host.ts';
import { GuardedLoop } from '../../src/io/guarded-loop.ts';
import { EpollLoop } from '../../src/io/io-loop.ts';
import { QueueCounters } from '../../src/virtio/queue-counters.ts';
import { type DriverBuffer, DriverQueue } from './driver.ts';
import { GuestRam } from './guest-ram.ts';

export const GUEST_CID = 42;
const QUEUE_SIZE = 128;
/** As Linux has them, less what its own bookkeeping takes (VIRTIO_VSOCK_DEFAULT_RX_BUF_SIZE). */
const RX_BYTES = 4 * KiB - 320;
const WAIT_MS = 5_000;
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
  readonly device: VirtioVsock;
  readonly loop: EpollLoop;
  /** What the device said to the user. */
  readonly messages: string[] = [];
  /** What the device has sent and no stream took. */
  readonly packets: Packet[] = [];
  /** Why the device needs a reset. */
  fault: string | undefined;
  /** Whether used rx buffers are given to the device again. */
  refills = true;
  readonly ram: GuestRam;
  readonly #host: DeviceHost;
  readonly #resources = new DisposableStack();
  readonly #options: VsockGuestOptions;
  readonly #streams = new Map<string, GuestStream>();
  #queues: readonly DriverQueue[] = [];
  #memoryMark = 0;
  #nextPort = 1024;

  constructor(options: VsockGuestOptions) {
    this.#options = options;
    const { buffer, pointer } = this.#resources.use(Mapping.create(2 * MiB, { what: 'a test' }));
    this.ram = new GuestRam({ buffer, pointer });
    this.loop = this.#resources.use(new EpollLoop());
    const loop = new GuardedLoop(this.loop);
    const log = (message: string) => void this.messages.push(message);
    const sockets = new VsockSockets({ path: options.path, keyPath: 'devices.vsock.path', loop, log });
    this.device = new VirtioVsock(sockets, loop, { guestCid: GUEST_CID, queueSize: QUEUE_SIZE });
    this.#host = this.#resources.use(
      new DeviceHost(this.device, {
        loop,
        memory: this.ram.memory,
        counters: this.device.queueSizes.map(() => new QueueCounters()),
        interrupt: () => {},
        faulted: (reason) => {
          this.fault = reason;
        },
      }),
    );
  }

  /** DRIVER_OK. */
  start(): void {
    this.ram.release(0);
    this.fault = undefined;
    this.#queues = [RX, TX, 2].map(() => new DriverQueue(this.ram, QUEUE_SIZE));
    const { rxBuffers = QUEUE_SIZE, rxBytes = RX_BYTES } = this.#options;
    for (let count = 0; count < rxBuffers; count++) this.rx.add({ writable: [rxBytes] });
    this.#memoryMark = this.ram.mark;
    this.rx.kick();
    this.#host.activate(
      this.#queues.map(({ places }, index) => ({ index, ...places })),
      0n,
    );
  }

  reset(): void {
    this.#host.reset();
    this.#streams.clear();
    this.packets.length = 0;
  }

  get rx(): DriverQueue {
    return this.#queues[RX]!;
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
    const tx = this.#queues[TX]!;
    tx.add({ readable });
    tx.kick();
    this.#host.kicked(TX);
    // The device gives it back at once, unless it is broken.
    while (!tx.take() && this.fault === undefined) this.turn();
    this.ram.release(this.#memoryMark);
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
    if (this.rx.kick()) this.#host.kicked(RX);
  }

  /** Lets the device work until `condition` holds. */
  until(condition: () => boolean, what: string): void {
    const deadline = performance.now() + WAIT_MS;
    for (this.collect(); !condition(); this.collect()) {
      if (performance.now() > deadline) throw new Error(`waited in vain for ${what}`);
      this.turn();
    }
  }

  /** Lets the device work for a while. */
  settle(ms = 20): void {
    const end = performance.now() + ms;
    this.until(() => performance.now() > end, 'time to pass');
  }

  turn(): void {
    const cancel = this.loop.after(1, () => {});
    this.loop.turn();
    cancel();
  }

  [Symbol.dispose](): void {
    this.#resources.dispose();
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
