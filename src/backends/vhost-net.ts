/** A port of a tap whose queues the host's kernel serves (vhost-net): frames then pass without a thread of ours. */
import {
  VIRTIO_F_IN_ORDER,
  VIRTIO_F_RING_PACKED,
  VIRTIO_F_VERSION_1,
  VIRTIO_RING_F_EVENT_IDX,
  VIRTIO_RING_F_INDIRECT_DESC,
} from '../abi/virtio.ts';
import { VIRTIO_NET_F_MRG_RXBUF } from '../abi/virtio-net.ts';
import { HostError } from '../base/errors.ts';
import type { PortHalf, PortKernel } from '../devices/network.ts';
import { VhostNetFile } from '../host/vhost-net-file.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import type { QueueWires } from '../virtio/device.ts';
import { features, hasFeature } from '../virtio/features.ts';
import type { QueuePlaces } from '../virtio/ring.ts';

/** The kernel's vring 0 receives (drivers/vhost/net.c, VHOST_NET_VQ_RX). */
const VRING: Readonly<Record<PortHalf, number>> = { receive: 0, transmit: 1 };

/** What the driver accepted of these the kernel has to keep too. Everything else is the tap's to keep, or the control queue's. */
const KEPT = features(VIRTIO_F_VERSION_1, VIRTIO_RING_F_INDIRECT_DESC, VIRTIO_RING_F_EVENT_IDX, VIRTIO_NET_F_MRG_RXBUF);
/** What the kernel copies it completes in order, whether it knows of the feature or not; it copies all unless told otherwise. */
const KEPT_ANYWAY = features(VIRTIO_F_IN_ORDER);

export class VhostNet implements PortKernel, Disposable {
  readonly #memory: GuestMemory;
  readonly #tap: number;
  #file: VhostNetFile | undefined;
  #isMissing = false;

  /** `tap`: the file descriptor of a queue whose frames have headers. */
  constructor(memory: GuestMemory, tap: number) {
    this.#memory = memory;
    this.#tap = tap;
  }

  /** A HostError where the kernel has no vhost-net, or none for us. */
  open(): VhostNetFile {
    this.#file ??= new VhostNetFile();
    return this.#file;
  }

  accepts(negotiated: bigint): boolean {
    if (hasFeature(negotiated, VIRTIO_F_RING_PACKED)) return false;
    const file = this.#tryOpen();
    return file !== undefined && (negotiated & KEPT & ~file.features) === 0n;
  }

  begin(negotiated: bigint): void {
    const file = this.open();
    file.setMemory(this.#memory.regions);
    file.setFeatures(negotiated & (KEPT | KEPT_ANYWAY) & file.features);
  }

  prepare(half: PortHalf, { size, desc, driver, device }: QueuePlaces, wires: QueueWires): void {
    const pointer = (address: number) => this.#memory.pointer(address, 1);
    const places = { size, desc: pointer(desc), avail: pointer(driver), used: pointer(device) };
    this.open().setRing(VRING[half], { ...places, ...wires });
  }

  run(half: PortHalf): void {
    this.open().setBackEnd(VRING[half], this.#tap);
  }

  hold(half: PortHalf): void {
    this.open().setBackEnd(VRING[half], undefined);
  }

  #tryOpen(): VhostNetFile | undefined {
    if (this.#isMissing) return undefined;
    try {
      return this.open();
    } catch (error) {
      if (!(error instanceof HostError)) throw error;
      this.#isMissing = true;
      return undefined;
    }
  }

  [Symbol.dispose](): void {
    this.#file?.[Symbol.dispose]();
  }
}
