/**
 * The control queue of a network card whose packets somebody else moves (virtio 1.4 §5.1.6.5.5): of its commands there is the
 * one by which a driver says how many pairs of queues it uses.
 */
import { ETH_ALEN } from '../abi/tun.ts';
import { VIRTIO_ID_NET } from '../abi/virtio.ts';
import { VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_MQ } from '../abi/virtio-net.ts';
import type { IoLoop, VirtioDevice } from '../virtio/device.ts';
import { DeviceConfig } from '../virtio/device-config.ts';
import { features, hasFeature } from '../virtio/features.ts';
import type { Virtqueue } from '../virtio/queue.ts';
import { CONTROL_QUEUE_SIZE, controlQueueIndex, NetControl, type NetControlTarget } from './net-control.ts';

export const STEERING_FEATURES = features(VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_MQ);

export interface Steering {
  readonly pairs: number;
  readonly loop: IoLoop;
  /** The first `pairs` are used from now on, and no others; calls `done` once it is so. */
  usePairs(pairs: number, done: () => void): void;
}

export class NetSteering implements VirtioDevice, NetControlTarget {
  readonly id = VIRTIO_ID_NET;
  readonly features = STEERING_FEATURES;
  /** Those of the pairs are not served here. */
  readonly queueSizes: readonly number[];
  readonly config = new DeviceConfig(0);
  readonly #steering: Steering;
  #control: NetControl | undefined;

  constructor(steering: Steering) {
    this.#steering = steering;
    this.queueSizes = Array<number>(2 * steering.pairs + 1).fill(CONTROL_QUEUE_SIZE);
  }

  activate(queues: readonly (Virtqueue | undefined)[], negotiated: bigint): void {
    const queue = queues[controlQueueIndex(this.#steering.pairs, negotiated)];
    if (!queue || !hasFeature(negotiated, VIRTIO_NET_F_CTRL_VQ)) return;
    // No command changes the address, or asks for it.
    this.#control = new NetControl(this, negotiated, queue, new Uint8Array(ETH_ALEN));
  }

  notify(): void {
    this.#control?.run();
  }

  reset(): void {
    this.#control = undefined;
  }

  setPairs(count: number, later: (isDone: boolean) => void): boolean | undefined {
    const { pairs, loop, usePairs } = this.#steering;
    if (count < 1 || count > pairs) return false;
    const control = this.#control;
    // What the driver has made of the queue meanwhile is looked at where its faults are caught, and not after a reset.
    usePairs(count, () => loop.defer(() => this.#control === control && later(true)));
    return undefined;
  }

  /** What these belong to was not offered. */
  setFilter(): void {}
  setMac(): void {}
  announced(): void {}
  setOffloads(): boolean {
    return false;
  }

  [Symbol.dispose](): void {
    this.reset();
  }
}
