/** A receive queue, a transmit queue and the port of the network that both use: one file descriptor, one watch. */
import type { FdWatch, IoLoop, QueueWires } from '../virtio/device.ts';
import type { Virtqueue } from '../virtio/queue.ts';
import type { RateLimit } from '../virtio/rate-limit.ts';
import type { QueuePlaces } from '../virtio/ring.ts';
import { NetReceiver, type ReceiveMode } from './net-receiver.ts';
import { NetTransmitter } from './net-transmitter.ts';
import type { NetworkPort, PortHalf } from './network.ts';

export interface QueuePairOptions {
  readonly port: NetworkPort;
  readonly hasHeaders: boolean;
  readonly loop: IoLoop;
  /** Made once for each direction. */
  limit(): RateLimit;
  /** The port is of no use any more. */
  closed(): void;
}

export class QueuePair {
  readonly receiver: NetReceiver;
  readonly transmitter: NetTransmitter;
  readonly #options: QueuePairOptions;
  #receiveQueue: Virtqueue | undefined;
  #transmitQueue: Virtqueue | undefined;
  #mode: ReceiveMode = { mergeable: false, checksums: false };
  /** While the pair is served and the port lives. */
  #watch: FdWatch | undefined;
  /** Halves that the kernel serves. */
  readonly #delegated = new Set<PortHalf>();
  #isServed = false;
  #isLinkUp = true;
  #readable = false;
  #writable = false;

  constructor(options: QueuePairOptions) {
    this.#options = options;
    const { port, hasHeaders, loop, limit } = options;
    const closed = () => this.#closed();
    this.receiver = new NetReceiver({
      port,
      hasHeaders,
      limit: limit(),
      loop,
      watch: (readable) => this.#want(readable, this.#writable),
      closed,
    });
    this.transmitter = new NetTransmitter({
      port,
      hasHeaders,
      limit: limit(),
      loop,
      watch: (writable) => this.#want(this.#readable, writable),
      closed,
    });
  }

  /** The kernel serves it, and counts nothing. */
  get isDelegated(): boolean {
    return this.#delegated.size > 0;
  }

  get hasQueues(): boolean {
    return this.#receiveQueue !== undefined && this.#transmitQueue !== undefined;
  }

  /** The queues of this generation of the driver. */
  assign(receive: Virtqueue | undefined, transmit: Virtqueue | undefined, mode: ReceiveMode): void {
    this.#receiveQueue = receive;
    this.#transmitQueue = transmit;
    this.#mode = mode;
  }

  /** Leaves a queue of this generation to the kernel, if it can do that with what the driver accepted. */
  delegate(half: PortHalf, places: QueuePlaces, features: bigint, wires: QueueWires): boolean {
    const { kernel } = this.#options.port;
    if (!kernel?.accepts(features)) return false;
    if (this.#delegated.size === 0) kernel.begin(features);
    kernel.prepare(half, places, wires);
    this.#delegated.add(half);
    this.#steer(half);
    return true;
  }

  /** Serves the queues from now on, if it does not yet. */
  start(): void {
    if (this.#isServed) return;
    this.#isServed = true;
    const { loop, port } = this.#options;
    this.#watch = loop.watch(port.fd, {}, () => {
      // Nothing asked for, and called all the same: the other side has hung up.
      if (!this.#readable && !this.#writable) this.#closed();
      if (this.#readable) this.receiver.run();
      if (this.#writable) this.transmitter.run();
    });
    for (const half of this.#delegated) this.#steer(half);
    if (this.#receiveQueue) this.#receive(this.#receiveQueue);
    if (this.#transmitQueue) this.#transmit(this.#transmitQueue);
  }

  stop(): void {
    this.#isServed = false;
    for (const half of this.#delegated) this.#steer(half);
    this.#unwatch();
    this.receiver.stop();
    this.transmitter.stop();
  }

  /** The driver is gone, and with it what the kernel was to serve. */
  release(): void {
    this.stop();
    this.#delegated.clear();
    this.assign(undefined, undefined, { mergeable: false, checksums: false });
  }

  stopReceiving(): void {
    this.#takeBack('receive');
    this.#receiveQueue = undefined;
    this.receiver.stop();
    this.#want(false, this.#writable);
  }

  startReceiving(queue: Virtqueue): void {
    this.#receiveQueue = queue;
    if (this.#isServed) this.#receive(queue);
  }

  stopTransmitting(): void {
    this.#takeBack('transmit');
    this.#transmitQueue = undefined;
    this.transmitter.stop();
    this.#want(this.#readable, false);
  }

  startTransmitting(queue: Virtqueue): void {
    this.#transmitQueue = queue;
    if (this.#isServed) this.#transmit(queue);
  }

  setLink(isUp: boolean): void {
    this.#isLinkUp = isUp;
    for (const half of this.#delegated) this.#steer(half);
    this.receiver.setLink(isUp);
    this.transmitter.setLink(isUp);
    // Frames that wait for buffers, or for a full port, wait no longer.
    this.receiver.run();
    this.transmitter.run();
  }

  /** The kernel knows of no link: while it is down, what the driver sends waits. */
  #steer(half: PortHalf): void {
    const { kernel } = this.#options.port;
    if (this.#isServed && this.#isLinkUp) kernel!.run(half);
    else kernel!.hold(half);
  }

  #takeBack(half: PortHalf): void {
    if (this.#delegated.delete(half)) this.#options.port.kernel!.hold(half);
  }

  #closed(): void {
    this.#unwatch();
    this.#options.closed();
  }

  #receive(queue: Virtqueue): void {
    this.receiver.start(queue, this.#mode);
    this.receiver.run();
  }

  #transmit(queue: Virtqueue): void {
    this.transmitter.start(queue);
    this.transmitter.run();
  }

  #want(readable: boolean, writable: boolean): void {
    if (readable === this.#readable && writable === this.#writable) return;
    this.#readable = readable;
    this.#writable = writable;
    this.#watch?.set({ readable, writable });
  }

  #unwatch(): void {
    this.#watch?.[Symbol.dispose]();
    this.#watch = undefined;
    this.#readable = false;
    this.#writable = false;
  }
}
