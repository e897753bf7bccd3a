/**
 * virtio-net (virtio 1.4 §5.1), the network card: pairs of queues, each on a port of a network, and a queue for commands.
 * Checksums and segmentation are the network's: what it can do is offered, and its headers are the guest's.
 */
import { ETH_ALEN } from '../abi/tun.ts';
import { VIRTIO_ID_NET } from '../abi/virtio.ts';
import {
  VIRTIO_NET_F_CTRL_GUEST_OFFLOADS,
  VIRTIO_NET_F_CTRL_MAC_ADDR,
  VIRTIO_NET_F_CTRL_RX,
  VIRTIO_NET_F_CTRL_RX_EXTRA,
  VIRTIO_NET_F_CTRL_VQ,
  VIRTIO_NET_F_GUEST_ANNOUNCE,
  VIRTIO_NET_F_GUEST_CSUM,
  VIRTIO_NET_F_GUEST_ECN,
  VIRTIO_NET_F_GUEST_TSO4,
  VIRTIO_NET_F_GUEST_TSO6,
  VIRTIO_NET_F_GUEST_USO4,
  VIRTIO_NET_F_GUEST_USO6,
  VIRTIO_NET_F_MAC,
  VIRTIO_NET_F_MQ,
  VIRTIO_NET_F_MRG_RXBUF,
  VIRTIO_NET_F_MTU,
  VIRTIO_NET_F_SPEED_DUPLEX,
  VIRTIO_NET_F_STATUS,
  VIRTIO_NET_S_ANNOUNCE,
  VIRTIO_NET_S_LINK_UP,
  virtio_net_config,
} from '../abi/virtio-net.ts';
import { ConfigError } from '../base/errors.ts';
import type { DeviceAction, DeviceWorld, QueueWires, VirtioDevice } from '../virtio/device.ts';
import { DeviceConfig } from '../virtio/device-config.ts';
import { features, hasFeature } from '../virtio/features.ts';
import type { Virtqueue } from '../virtio/queue.ts';
import type { QueueSetup } from '../virtio/queue-registers.ts';
import type { RateLimit } from '../virtio/rate-limit.ts';
import { CONTROL_QUEUE_SIZE, controlQueueIndex, NetControl, type NetControlTarget } from './net-control.ts';
import { QueuePair } from './net-queue-pair.ts';
import type { MacAddress, Network, ReceiveFilter } from './network.ts';

/** Offloads of the guest's receiving side: the ones that a command may switch (§5.1.6.5.6). */
const GUEST_OFFLOADS = features(
  VIRTIO_NET_F_GUEST_CSUM,
  VIRTIO_NET_F_GUEST_TSO4,
  VIRTIO_NET_F_GUEST_TSO6,
  VIRTIO_NET_F_GUEST_ECN,
  VIRTIO_NET_F_GUEST_USO4,
  VIRTIO_NET_F_GUEST_USO6,
);
const BASE_FEATURES = features(
  VIRTIO_NET_F_MAC,
  VIRTIO_NET_F_STATUS,
  VIRTIO_NET_F_MRG_RXBUF,
  VIRTIO_NET_F_SPEED_DUPLEX,
  VIRTIO_NET_F_CTRL_VQ,
  VIRTIO_NET_F_CTRL_RX,
  VIRTIO_NET_F_CTRL_RX_EXTRA,
  VIRTIO_NET_F_CTRL_MAC_ADDR,
  VIRTIO_NET_F_GUEST_ANNOUNCE,
);
/** §5.1.4: the speed is unknown; full duplex. */
const SPEED_UNKNOWN = 0xffff_ffff;
const DUPLEX_FULL = 1;
/** As far as the fields go whose features we offer. */
const CONFIG_BYTES = virtio_net_config.fields.rss_max_key_size.offset;
const FIELD = virtio_net_config.fields;

const EVERYTHING: ReceiveFilter = { promiscuous: true, allMulticast: true, addresses: [] };

export interface NetOptions {
  readonly mac: MacAddress;
  /** What the driver is told; undefined: nothing. */
  readonly mtu: number | undefined;
  /** Mbit/s that the driver is told. */
  readonly speed: number | undefined;
  readonly linkUp: boolean;
  readonly queueSize: number;
  /** Made once for each direction of each pair. */
  limit(): RateLimit;
}

export class VirtioNet implements VirtioDevice, NetControlTarget {
  readonly id = VIRTIO_ID_NET;
  readonly inOrder = true;
  readonly features: bigint;
  readonly queueSizes: readonly number[];
  readonly config = new DeviceConfig(CONFIG_BYTES);
  readonly actions: Readonly<Record<string, DeviceAction>> = {
    link: {
      help: 'Plugs the cable in or out: VALUE is up or down, without it the answer says which.',
      run: (value) => this.#actOnLink(value),
    },
  };
  readonly #network: Network;
  readonly #options: NetOptions;
  readonly #pairs: readonly QueuePair[];
  #control: NetControl | undefined;
  #controlIndex = 0;
  #features = 0n;
  #isLinkUp: boolean;
  /** Nobody gives commands, as behind a vhost-user front-end: pairs are used whose queues are there. */
  #followsQueues = false;

  constructor(network: Network, options: NetOptions, world: DeviceWorld) {
    this.#network = network;
    this.#options = options;
    this.#isLinkUp = options.linkUp;
    const pairs = network.ports.length;
    this.features =
      BASE_FEATURES |
      network.offloads |
      (network.offloads & GUEST_OFFLOADS ? features(VIRTIO_NET_F_CTRL_GUEST_OFFLOADS) : 0n) |
      (options.mtu === undefined ? 0n : features(VIRTIO_NET_F_MTU)) |
      (pairs > 1 ? features(VIRTIO_NET_F_MQ) : 0n);
    this.queueSizes = [...Array<number>(2 * pairs).fill(options.queueSize), CONTROL_QUEUE_SIZE];
    this.#pairs = network.ports.map((port) => {
      const { hasHeaders } = network;
      const pair = new QueuePair({
        port,
        hasHeaders,
        loop: world.loop,
        limit: options.limit,
        closed: () => this.#closed(world),
      });
      pair.setLink(options.linkUp);
      return pair;
    });
    this.#fillConfig();
  }

  delegate(queue: QueueSetup, negotiated: bigint, wires: QueueWires): boolean {
    this.#setFeatures(negotiated);
    const half = isReceive(queue.index) ? 'receive' : 'transmit';
    return this.#pairOf(queue.index)?.delegate(half, queue, negotiated, wires) ?? false;
  }

  activate(queues: readonly (Virtqueue | undefined)[], negotiated: bigint): void {
    this.#setFeatures(negotiated);
    const mode = {
      mergeable: hasFeature(negotiated, VIRTIO_NET_F_MRG_RXBUF),
      checksums: hasFeature(negotiated, VIRTIO_NET_F_GUEST_CSUM),
    };
    const controlQueue = queues[this.#controlIndex];
    this.#control = controlQueue && this.#createControl(controlQueue);
    this.#network.setGuestOffloads(negotiated & GUEST_OFFLOADS);
    for (const [index, pair] of this.#pairs.entries()) {
      if (2 * index < this.#controlIndex) pair.assign(queues[2 * index], queues[2 * index + 1], mode);
    }
    this.#followsQueues = this.#control === undefined;
    this.setPairs(1);
    this.#followQueues();
  }

  notify(index: number): void {
    if (index === this.#controlIndex) this.#control?.run();
    else if (isReceive(index)) this.#pairOf(index)?.receiver.run();
    else this.#pairOf(index)?.transmitter.run();
  }

  stopQueue(index: number): void {
    if (index === this.#controlIndex) this.#control = undefined;
    else if (isReceive(index)) this.#pairOf(index)?.stopReceiving();
    else this.#pairOf(index)?.stopTransmitting();
    this.#followQueues();
  }

  startQueue(index: number, queue: Virtqueue): void {
    if (index === this.#controlIndex) this.#control = this.#createControl(queue);
    else if (isReceive(index)) this.#pairOf(index)?.startReceiving(queue);
    else this.#pairOf(index)?.startTransmitting(queue);
    this.#followQueues();
  }

  reset(): void {
    this.#control = undefined;
    for (const pair of this.#pairs) pair.release();
    this.#features = 0n;
    this.#network.setFilter(EVERYTHING);
    this.#network.setGuestOffloads(0n);
    this.#fillConfig();
  }

  counters(): Record<string, number> {
    const sum = (count: (pair: QueuePair) => number) => this.#pairs.reduce((total, pair) => total + count(pair), 0);
    return {
      'rx-frames': sum(({ receiver }) => receiver.frames),
      'rx-bytes': sum(({ receiver }) => receiver.bytes),
      'rx-dropped': sum(({ receiver }) => receiver.dropped),
      'tx-frames': sum(({ transmitter }) => transmitter.frames),
      'tx-bytes': sum(({ transmitter }) => transmitter.bytes),
      'tx-dropped': sum(({ transmitter }) => transmitter.dropped),
      'kernel-pairs': sum(({ isDelegated }) => (isDelegated ? 1 : 0)),
    };
  }

  setFilter(filter: ReceiveFilter): void {
    this.#network.setFilter(filter);
  }

  setMac(mac: MacAddress): void {
    this.config.update(() => this.config.bytes.set(mac, FIELD.mac.offset));
  }

  setPairs(count: number): boolean {
    if (count < 1 || count > this.#pairs.length) return false;
    // In this order: a port that the network does not use must not be watched.
    for (const pair of this.#pairs.slice(count)) pair.stop();
    this.#network.usePorts(count);
    for (const pair of this.#pairs.slice(0, count)) pair.start();
    return true;
  }

  setOffloads(offloads: bigint): boolean {
    if ((offloads & ~(this.#features & GUEST_OFFLOADS)) !== 0n) return false;
    this.#network.setGuestOffloads(offloads);
    return true;
  }

  announced(): void {
    this.config.update((view) => view.setUint16(FIELD.status.offset, this.#status(), true));
  }

  #setFeatures(negotiated: bigint): void {
    this.#features = negotiated;
    this.#controlIndex = controlQueueIndex(this.#pairs.length, negotiated);
  }

  #createControl(queue: Virtqueue): NetControl | undefined {
    if (!hasFeature(this.#features, VIRTIO_NET_F_CTRL_VQ)) return undefined;
    const mac = this.config.bytes.slice(FIELD.mac.offset, FIELD.mac.offset + ETH_ALEN);
    return new NetControl(this, this.#features, queue, mac);
  }

  /** The first pairs that have both of their queues, and the first one in any case. */
  #followQueues(): void {
    if (!this.#followsQueues) return;
    const firstWithout = this.#pairs.findIndex(({ hasQueues }) => !hasQueues);
    this.setPairs(firstWithout === -1 ? this.#pairs.length : Math.max(1, firstWithout));
  }

  #pairOf(index: number): QueuePair | undefined {
    return index < this.#controlIndex ? this.#pairs[index >> 1] : undefined;
  }

  #actOnLink(value: string | undefined): string {
    if (value !== undefined && value !== 'up' && value !== 'down') {
      throw new ConfigError(`Cannot set the link to "${value}": write up or down`);
    }
    if (value !== undefined) this.#setLink(value === 'up');
    return `The link is ${this.#isLinkUp ? 'up' : 'down'}`;
  }

  /** A driver that can, tells the network where it is now once the link comes up (§5.1.6.5.4). */
  #setLink(isUp: boolean): void {
    if (isUp === this.#isLinkUp) return;
    this.#isLinkUp = isUp;
    for (const pair of this.#pairs) pair.setLink(isUp);
    const announce = isUp && hasFeature(this.#features, VIRTIO_NET_F_GUEST_ANNOUNCE) ? VIRTIO_NET_S_ANNOUNCE : 0;
    this.config.update((view) => view.setUint16(FIELD.status.offset, this.#status() | announce, true));
  }

  #status(): number {
    return this.#isLinkUp ? VIRTIO_NET_S_LINK_UP : 0;
  }

  #closed({ log }: DeviceWorld): void {
    if (!this.#isLinkUp) return;
    log('The network is gone: the link is down');
    this.#setLink(false);
  }

  #fillConfig(): void {
    const { mac, mtu = 0, speed = SPEED_UNKNOWN } = this.#options;
    const { bytes, view } = this.config;
    bytes.set(mac.subarray(0, ETH_ALEN), FIELD.mac.offset);
    view.setUint16(FIELD.status.offset, this.#status(), true);
    view.setUint16(FIELD.max_virtqueue_pairs.offset, this.#pairs.length, true);
    view.setUint16(FIELD.mtu.offset, mtu, true);
    view.setUint32(FIELD.speed.offset, speed, true);
    view.setUint8(FIELD.duplex.offset, DUPLEX_FULL);
  }

  [Symbol.dispose](): void {
    for (const pair of this.#pairs) pair.stop();
    this.#network[Symbol.dispose]();
  }
}

/** §5.1.2: receiveq1, transmitq1, receiveq2, … */
function isReceive(index: number): boolean {
  return index % 2 === 0;
}
