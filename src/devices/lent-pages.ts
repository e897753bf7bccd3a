/**
 * Which 4 KiB pages of guest RAM are in the balloon, where the host's pages are larger: only when the guest has lent all of
 * a host page can the host have it.
 */
import { VIRTIO_BALLOON_PFN_SHIFT } from '../abi/virtio-balloon.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';

/** The unit in which the balloon counts, whatever the page size of guest and host (virtio 1.4 §5.5.6). */
export const BALLOON_PAGE = 2 ** VIRTIO_BALLOON_PFN_SHIFT;

export class LentPages {
  readonly #granule: number;
  /** All bits of a host page, one for each balloon page. arm64 has at most 64 KiB, 16 of them. */
  readonly #all: number;
  /** One mask for each host page of each region of guest memory. The host allocates them when they are touched. */
  readonly #masks: readonly Uint16Array[];

  /** `granule`: bytes of a host page. */
  constructor(memory: GuestMemory, granule: number) {
    this.#granule = granule;
    this.#all = 2 ** (granule / BALLOON_PAGE) - 1;
    this.#masks = memory.regions.map(({ range }) => new Uint16Array(Math.ceil(range.size / granule)));
  }

  /** The balloon page at `offset` of `region` is lent; returns whether its whole host page is now. */
  add(region: number, offset: number): boolean {
    const masks = this.#masks[region]!;
    const index = Math.floor(offset / this.#granule);
    masks[index]! |= this.#bit(offset);
    return masks[index] === this.#all;
  }

  /** The guest uses it again. */
  remove(region: number, offset: number): void {
    this.#masks[region]![Math.floor(offset / this.#granule)]! &= ~this.#bit(offset);
  }

  clear(): void {
    for (const masks of this.#masks) masks.fill(0);
  }

  #bit(offset: number): number {
    return 1 << Math.floor((offset % this.#granule) / BALLOON_PAGE);
  }
}
