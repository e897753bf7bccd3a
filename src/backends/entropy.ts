/** Entropy of the host's kernel. */
import type { Entropy } from '../devices/virtio-rng.ts';
import { fillWithRandom } from '../host/random.ts';

export class KernelEntropy implements Entropy {
  fill(bytes: Uint8Array): void {
    fillWithRandom(bytes);
  }
}
