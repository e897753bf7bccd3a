/** The device of the transport's tests: it writes what it reads, and has everything that a transport has to serve. */
import type { VirtioDevice } from '../../src/virtio/device.ts';
import { DeviceConfig } from '../../src/virtio/device-config.ts';
import type { Virtqueue } from '../../src/virtio/queue.ts';

/** Not a number that a device has. */
export const ECHO_ID = 60;
export const ECHO_FEATURE = 3;
export const ECHO_CONFIG_BYTES = 24;
/** Offset of the one byte of the config space that a driver may write. */
export const WRITABLE = 8;

export class EchoDevice implements VirtioDevice {
  readonly id = ECHO_ID;
  readonly features = 1n << BigInt(ECHO_FEATURE);
  readonly queueSizes = [64, 16];
  readonly config = new DeviceConfig(ECHO_CONFIG_BYTES);
  queues: (Virtqueue | undefined)[] = [];
  negotiated = 0n;
  notifications = 0;
  /** Keeps chains instead of giving them back, so that they are in flight. */
  holds = false;
  readonly held: { complete(): void }[] = [];

  constructor() {
    this.config.bytes.forEach((_, index) => {
      this.config.bytes[index] = index + 1;
    });
  }

  activate(queues: readonly (Virtqueue | undefined)[], features: bigint): void {
    this.queues = queues.slice();
    this.negotiated = features;
  }

  notify(index: number): void {
    this.notifications++;
    const queue = this.queues[index];
    for (let chain = queue?.pop(); chain; chain = queue?.pop()) {
      const bytes = new Uint8Array(Math.min(chain.readableLength, chain.writableLength));
      chain.read(bytes);
      chain.write(bytes);
      if (this.holds) this.held.push(chain);
      else chain.complete();
    }
    queue?.signal();
  }

  reset(): void {
    this.queues = [];
  }

  stopQueue(index: number): void {
    this.queues[index] = undefined;
  }

  startQueue(index: number, queue: Virtqueue): void {
    this.queues[index] = queue;
  }

  writeConfig(offset: number, bytes: Uint8Array): void {
    if (offset === WRITABLE && bytes.length === 1) this.config.bytes.set(bytes, offset);
  }

  [Symbol.dispose](): void {}
}
