/**
 * VIRTIO_F_IN_ORDER (virtio 1.4 §2.7.9, §2.8.9): buffers go back in the order in which they were made available, whenever a
 * device completes them. Each gets its own used entry: skipping all but the last of a batch is allowed, but says that the
 * others were filled to their end.
 */
import type { DescriptorChain } from './chain.ts';

export class CompletionOrder {
  /** Chains that were popped, oldest at `#first`. A queue never has more than `size` outside. */
  readonly #chains: (DescriptorChain | undefined)[];
  #first = 0;
  #count = 0;

  constructor(size: number) {
    this.#chains = new Array(size).fill(undefined);
  }

  add(chain: DescriptorChain): void {
    this.#chains[(this.#first + this.#count++) % this.#chains.length] = chain;
  }

  /** The oldest chain if it is completed, else nothing. */
  takeCompleted(): DescriptorChain | undefined {
    if (this.#count === 0) return undefined;
    const chain = this.#chains[this.#first]!;
    if (chain.isHeld) return undefined;
    this.#first = (this.#first + 1) % this.#chains.length;
    this.#count--;
    return chain;
  }
}
