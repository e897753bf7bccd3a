/** virtio-rng (virtio 1.4 §5.4): fills the driver's buffers with entropy. No config space, no features. */
import { VIRTIO_ID_RNG } from '../abi/virtio.ts';
import { KiB } from '../base/units.ts';
import type { VirtioDevice } from '../virtio/device.ts';
import { DeviceConfig } from '../virtio/device-config.ts';
import type { Virtqueue } from '../virtio/queue.ts';
import type { RateLimit } from '../virtio/rate-limit.ts';

/** Where the random bytes come from. */
export interface Entropy {
  fill(bytes: Uint8Array): void;
}

/** A driver may describe the same page many times, so what one request costs us is bounded. One byte must be given (§5.4.6.2). */
const REQUEST_BYTES_MAX = 64 * KiB;

export class VirtioRng implements VirtioDevice {
  readonly id = VIRTIO_ID_RNG;
  readonly features = 0n;
  readonly queueSizes: readonly number[];
  readonly config = new DeviceConfig(0);
  readonly inOrder = true;
  readonly #entropy: Entropy;
  readonly #limit: RateLimit;
  readonly #scratch = new Uint8Array(REQUEST_BYTES_MAX);
  #requests: Virtqueue | undefined;

  constructor(entropy: Entropy, limit: RateLimit, queueSize: number) {
    this.#entropy = entropy;
    this.#limit = limit;
    this.queueSizes = [queueSize];
  }

  activate([requests]: readonly (Virtqueue | undefined)[]): void {
    this.#requests = requests;
  }

  notify(): void {
    while (this.#limit.admits(() => this.notify())) {
      const chain = this.#requests?.pop();
      if (chain === undefined) break;
      const bytes = this.#scratch.subarray(0, Math.min(chain.writableLength, REQUEST_BYTES_MAX));
      this.#entropy.fill(bytes);
      chain.write(bytes);
      chain.complete();
      this.#limit.spend(bytes.length);
    }
    this.#requests?.signal();
  }

  stopQueue(): void {
    this.reset();
  }

  startQueue(_index: number, queue: Virtqueue): void {
    this.#requests = queue;
  }

  reset(): void {
    this.#limit.reset();
    this.#requests = undefined;
  }

  [Symbol.dispose](): void {
    this.reset();
  }
}
