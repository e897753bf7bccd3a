/** What the driver of a device has set up that another process serves, and where its rings stand. */
import { VIRTIO_F_RING_PACKED, vring_used } from '../abi/virtio.ts';
import type { GuestAddress } from '../base/range.ts';
import type { EventFd } from '../host/eventfd.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import { NEW_PACKED_BASE, NEW_SPLIT_BASE, type Ring } from '../vhost-user/front-end.ts';
import type { DeviceProfile } from '../vhost-user/profile.ts';
import { hasFeature } from '../virtio/features.ts';
import type { QueueSetup } from '../virtio/queue-registers.ts';

/** By the queues' indices. */
interface RingWires {
  readonly kicks: readonly EventFd[];
  readonly calls: readonly EventFd[];
}

/** What decides about a driver whose back-end is lost. */
interface LossRule {
  readonly reconnect: 'auto' | 'on' | 'off';
  readonly goesOn: DeviceProfile['goesOn'];
  /** What the lost one had in hand is noted where the next one finds it. */
  readonly hasNotes: boolean;
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
  /** The back-end that is there may have something in hand. */
  #hasBegun = false;
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

  /** A ring may run from now on. */
  began(): void {
    this.isStarted = true;
    this.#hasBegun = true;
  }

  /** The back-end is lost: whether its rings may go on with another one where that has left them. */
  mayGoOn({ reconnect, goesOn, hasNotes }: LossRule): boolean {
    const hadBegun = this.#hasBegun;
    this.#hasBegun = false;
    if (reconnect === 'off') return false;
    if (!hadBegun) return true;
    if (this.isPacked) return false;
    if (reconnect === 'on' || hasNotes) return true;
    return goesOn === 'always' || (goesOn === 'when-idle' && this.#isIdle);
  }

  /** All that was made available in its (split) rings has been given back. */
  get #isIdle(): boolean {
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
