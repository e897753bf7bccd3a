/**
 * The statistics queue of virtio-balloon (virtio 1.4 §5.5.6.3). It works backwards: the driver leaves one buffer with us,
 * filled; when we give it back, that asks for another with new figures.
 */
import {
  VIRTIO_BALLOON_S_ALLOC_STALL,
  VIRTIO_BALLOON_S_ASYNC_RECLAIM,
  VIRTIO_BALLOON_S_ASYNC_SCAN,
  VIRTIO_BALLOON_S_AVAIL,
  VIRTIO_BALLOON_S_CACHES,
  VIRTIO_BALLOON_S_DIRECT_RECLAIM,
  VIRTIO_BALLOON_S_DIRECT_SCAN,
  VIRTIO_BALLOON_S_HTLB_PGALLOC,
  VIRTIO_BALLOON_S_HTLB_PGFAIL,
  VIRTIO_BALLOON_S_MAJFLT,
  VIRTIO_BALLOON_S_MEMFREE,
  VIRTIO_BALLOON_S_MEMTOT,
  VIRTIO_BALLOON_S_MINFLT,
  VIRTIO_BALLOON_S_OOM_KILL,
  VIRTIO_BALLOON_S_SWAP_IN,
  VIRTIO_BALLOON_S_SWAP_OUT,
  virtio_balloon_stat,
} from '../abi/virtio-balloon.ts';
import { unpack } from '../base/layout.ts';
import type { DescriptorChain } from '../virtio/chain.ts';
import type { IoLoop } from '../virtio/device.ts';
import type { Virtqueue } from '../virtio/queue.ts';

/** What each tag is called (§5.5.6.4; the later ones in linux/virtio_balloon.h). Unknown ones are ignored. */
const NAMES: Readonly<Record<number, string>> = {
  [VIRTIO_BALLOON_S_SWAP_IN]: 'swapInBytes',
  [VIRTIO_BALLOON_S_SWAP_OUT]: 'swapOutBytes',
  [VIRTIO_BALLOON_S_MAJFLT]: 'majorFaults',
  [VIRTIO_BALLOON_S_MINFLT]: 'minorFaults',
  [VIRTIO_BALLOON_S_MEMFREE]: 'freeBytes',
  [VIRTIO_BALLOON_S_MEMTOT]: 'totalBytes',
  [VIRTIO_BALLOON_S_AVAIL]: 'availableBytes',
  [VIRTIO_BALLOON_S_CACHES]: 'cacheBytes',
  [VIRTIO_BALLOON_S_HTLB_PGALLOC]: 'hugePageAllocations',
  [VIRTIO_BALLOON_S_HTLB_PGFAIL]: 'hugePageFailures',
  [VIRTIO_BALLOON_S_OOM_KILL]: 'oomKills',
  [VIRTIO_BALLOON_S_ALLOC_STALL]: 'allocationStalls',
  [VIRTIO_BALLOON_S_ASYNC_SCAN]: 'asyncScanBytes',
  [VIRTIO_BALLOON_S_DIRECT_SCAN]: 'directScanBytes',
  [VIRTIO_BALLOON_S_ASYNC_RECLAIM]: 'asyncReclaimBytes',
  [VIRTIO_BALLOON_S_DIRECT_RECLAIM]: 'directReclaimBytes',
};
/** More entries than there are tags mean nothing. */
const ENTRIES_MAX = 64;

export interface GuestStatistics {
  /** How old `guest` is; undefined when the guest has told nothing yet. */
  readonly ageMs?: number;
  readonly guest?: Readonly<Record<string, number>>;
}

export class BalloonStatistics {
  readonly #loop: IoLoop;
  readonly #intervalMs: number;
  readonly #entries = new Uint8Array(ENTRIES_MAX * virtio_balloon_stat.size);
  #queue: Virtqueue | undefined;
  /** The driver's one buffer. */
  #held: DescriptorChain | undefined;
  #guest: Readonly<Record<string, number>> | undefined;
  #atMs = 0;
  #cancel: () => void = () => {};

  /** `intervalMs`: how often to ask; 0 for never. */
  constructor(loop: IoLoop, intervalMs: number) {
    this.#loop = loop;
    this.#intervalMs = intervalMs;
  }

  start(queue: Virtqueue | undefined): void {
    this.#queue = queue;
    this.#guest = undefined;
    if (queue && this.#intervalMs > 0) this.#askEvery();
  }

  stop(): void {
    this.#cancel();
    this.#queue = undefined;
    this.#held = undefined;
  }

  /** Reads the buffer and keeps it. There is only one (§5.5.6.3.1); should another come, the older one goes back. */
  notify(): void {
    for (let chain = this.#queue?.pop(); chain; chain = this.#queue?.pop()) {
      this.#held?.complete(0);
      this.#held = chain;
      this.#read(chain);
    }
    this.#queue?.signal();
  }

  /** What the guest said last, and asks for more. */
  ask(): GuestStatistics {
    const known = this.#guest && { ageMs: Math.round(this.#loop.nowMs - this.#atMs), guest: this.#guest };
    this.#held?.complete(0);
    this.#held = undefined;
    this.#queue?.signal();
    return known ?? {};
  }

  #read(chain: DescriptorChain): void {
    const count = Math.floor(chain.read(this.#entries) / virtio_balloon_stat.size);
    const guest: Record<string, number> = {};
    for (let index = 0; index < count; index++) {
      const { tag, val } = unpack(virtio_balloon_stat, this.#entries.subarray(index * virtio_balloon_stat.size));
      const name = NAMES[tag];
      if (name !== undefined) guest[name] = Number(val);
    }
    this.#guest = guest;
    this.#atMs = this.#loop.nowMs;
  }

  #askEvery(): void {
    this.#cancel = this.#loop.after(this.#intervalMs, () => {
      this.ask();
      this.#askEvery();
    });
  }
}
