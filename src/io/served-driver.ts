/** What the driver of a device has set up that another process serves, and where its rings stand. */
import { VIRTIO_F_RING_PACKED, vring_used } from '../abi/virtio.ts';
import type { GuestAddress } from '../base/range.ts';
import type { EventFd } from '../host/eventfd.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import { NEW_PACKED_BASE, NEW_SPLIT_BASE, type Ring } from '../vhost-user/front-end.ts';
import { hasFeature } from '../virtio/features.ts';
import type { QueueSetup } from '../virtio/queue-registers.ts';

/** By the queues' indices. */
interface RingWires {
  readonly kicks: readonly EventFd[];
  readonly calls: readonly EventFd[];
}

export class ServedDriver {
  /** What it has accepted. */
  readonly features: bigint;
  readonly generation: number;
  /** Its rings were given to a back-end, which may have used buffers. */
  isStarted = false;
  /** It was told that the device needs a reset: nothing is started for it any more. */
  isBroken = false;
  /** Of a network card with several: the pairs of queues that it uses. */
  pairs = 1;
  readonly #queues: readonly QueueSetup[];
  readonly #memory: GuestMemory;
  readonly #hasPairs: boolean;

  /** `queues`: those that the back-end serves. `hasPairs`: they are pairs, of which the driver says how many it uses. */
  constructor(
    queues: readonly QueueSetup[],
    features: bigint,
    generation: number,
    { memory, hasPairs }: { readonly memory: GuestMemory; readonly hasPairs: boolean },
  ) {
    this.#queues = queues;
    this.features = features;
    this.generation = generation;
    this.#memory = memory;
    this.#hasPairs = hasPairs;
  }

  get isPacked(): boolean {
    return hasFeature(this.features, VIRTIO_F_RING_PACKED);
  }

  /** All that was made available in its (split) rings has been given back. */
  get isIdle(): boolean {
    return this.#queues.every(({ driver, device }) => this.#indexAt(driver) === this.#indexAt(device));
  }

  /** As a back-end gets them. In rings that were in use, what was not given back is done again, or what its notes say. */
  rings({ kicks, calls }: RingWires): Ring[] {
    return this.#queues.map((setup) => ({
      ...{ setup, kick: kicks[setup.index]!, call: calls[setup.index]!, base: this.#baseOf(setup) },
      isDisabled: this.#hasPairs && setup.index >= 2 * this.pairs,
    }));
  }

  #baseOf({ device }: QueueSetup): number {
    if (this.isStarted) return this.#indexAt(device);
    return this.isPacked ? NEW_PACKED_BASE : NEW_SPLIT_BASE;
  }

  /** `idx` of an available or used ring, which lies in both at the same place (virtio 1.4 §2.7.6, §2.7.8). */
  #indexAt(ring: GuestAddress): number {
    const { idx } = vring_used.fields;
    return this.#memory.view(ring + idx.offset, idx.size).getUint16(0, true);
  }
}
