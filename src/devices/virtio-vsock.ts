/**
 * virtio-vsock (virtio 1.4 §5.10): stream sockets between guest and host. The guest is `guestCid`, the host is 2. What a
 * port of the host leads to is the business of its `VsockHost`.
 */
import { VIRTIO_ID_VSOCK } from '../abi/virtio.ts';
import { virtio_vsock_config } from '../abi/virtio-vsock.ts';
import type { DescriptorChain } from '../virtio/chain.ts';
import type { IoLoop, VirtioDevice } from '../virtio/device.ts';
import { DeviceConfig } from '../virtio/device-config.ts';
import type { Virtqueue } from '../virtio/queue.ts';
import { VsockMuxer } from './vsock-muxer.ts';
import type { VsockHost } from './vsock-stream.ts';

/** §5.10.2. The event queue is for a transport reset, when a guest was moved to another host: it stays as the driver left it. */
const Queue = { RX: 0, TX: 1, EVENT: 2 } as const;
/** After so many packets for the guest in one go other devices of the thread have their turn. */
const PACKETS_PER_TURN = 128;

export interface VsockOptions {
  readonly guestCid: number;
  readonly queueSize: number;
}

export class VirtioVsock implements VirtioDevice {
  readonly id = VIRTIO_ID_VSOCK;
  /** No feature: stream sockets, and nothing else (§5.10.3). */
  readonly features = 0n;
  readonly queueSizes: readonly number[];
  readonly config = new DeviceConfig(virtio_vsock_config.size);
  readonly #loop: IoLoop;
  readonly #muxer: VsockMuxer;
  #rx: Virtqueue | undefined;
  #tx: Virtqueue | undefined;
  /** A buffer of the guest for which there was no packet yet. */
  #spare: DescriptorChain | undefined;
  #willDeliver = false;

  constructor(host: VsockHost, loop: IoLoop, { guestCid, queueSize }: VsockOptions) {
    this.queueSizes = Object.values(Queue).map(() => queueSize);
    this.#loop = loop;
    this.#muxer = new VsockMuxer({ guestCid, host, loop, onPackets: () => this.#deliverLater() });
    this.config.view.setBigUint64(virtio_vsock_config.fields.guest_cid.offset, BigInt(guestCid), true);
  }

  activate(queues: readonly (Virtqueue | undefined)[]): void {
    this.#rx = queues[Queue.RX];
    this.#tx = queues[Queue.TX];
    this.#muxer.start();
  }

  notify(index: number): void {
    if (index === Queue.TX) this.#receive();
    this.#deliver();
  }

  reset(): void {
    this.#rx = undefined;
    this.#tx = undefined;
    this.#spare = undefined;
    this.#muxer.reset();
  }

  counters(): Readonly<Record<string, number>> {
    return { connections: this.#muxer.connectionCount };
  }

  [Symbol.dispose](): void {
    this.reset();
    this.#muxer[Symbol.dispose]();
  }

  /** From the guest. */
  #receive(): void {
    const queue = this.#tx;
    for (let chain = queue?.pop(); chain; chain = queue?.pop()) {
      this.#muxer.receive(chain);
      chain.complete(0);
    }
    queue?.signal();
  }

  /** To the guest. */
  #deliver(): void {
    const queue = this.#rx;
    let left = PACKETS_PER_TURN;
    while (queue && this.#muxer.hasPackets && left-- > 0) {
      this.#spare ??= queue.pop();
      if (!this.#spare || !this.#muxer.fill(this.#spare)) break;
      this.#spare = undefined;
    }
    queue?.signal();
    if (left < 0) this.#deliverLater();
  }

  /** When everybody who is ready in this turn of the loop has said so: they share the guest's buffers, and its interrupt. */
  #deliverLater(): void {
    if (this.#willDeliver) return;
    this.#willDeliver = true;
    this.#loop.defer(() => {
      this.#willDeliver = false;
      this.#deliver();
    });
  }
}
