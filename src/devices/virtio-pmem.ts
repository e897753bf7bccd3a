/**
 * virtio-pmem (virtio 1.4 §5.19): a file of the host as memory of the guest. The guest reads and writes it with no help of
 * ours, and without a page cache of its own; what it asks for is a flush.
 */

import { VIRTIO_ID_PMEM } from '../abi/virtio.ts';
import {
  VIRTIO_PMEM_F_SHMEM_REGION,
  VIRTIO_PMEM_REQ_TYPE_FLUSH,
  VIRTIO_PMEM_SHMEM_REGION_ID,
  virtio_pmem_config,
  virtio_pmem_req,
  virtio_pmem_resp,
} from '../abi/virtio-pmem.ts';
import { GuestFault } from '../base/errors.ts';
import { pack, packInto, unpack } from '../base/layout.ts';
import type { GuestAddress } from '../base/range.ts';
import type { DescriptorChain } from '../virtio/chain.ts';
import type { MemoryWindow, VirtioDevice } from '../virtio/device.ts';
import { DeviceConfig } from '../virtio/device-config.ts';
import type { Virtqueue } from '../virtio/queue.ts';

/** A file that is mapped, or whatever else keeps what is written to it. */
export interface PersistentMemory extends Disposable {
  /** "disk.img of pmem0" */
  readonly what: string;
  /** Where it is mapped in our process. */
  readonly pointer: bigint;
  readonly size: number;
  readonly readOnly: boolean;
  /** Makes durable what was written before; calls `done` once, now or later, with whether it is. One at a time. */
  flush(done: (isDurable: boolean) => void): void;
}

/** §5.19.7.2: "0" for success and "-1" for failure. */
const SUCCESS = pack(virtio_pmem_resp, { ret: 0 });
const FAILURE = pack(virtio_pmem_resp, { ret: 0xffff_ffff });

export class VirtioPmem implements VirtioDevice {
  readonly id = VIRTIO_ID_PMEM;
  readonly features = 1n << BigInt(VIRTIO_PMEM_F_SHMEM_REGION);
  readonly queueSizes: readonly number[];
  readonly config = new DeviceConfig(virtio_pmem_config.size);
  readonly windows: readonly MemoryWindow[];
  readonly inOrder = true;
  readonly #memory: PersistentMemory;
  readonly #request = new Uint8Array(virtio_pmem_req.size);
  #requests: Virtqueue | undefined;
  /** Requests that wait for the next flush, and those that the running one is for. */
  #waiting: DescriptorChain[] = [];
  #flushing: DescriptorChain[] = [];
  #isFlushing = false;
  #flushes = 0;

  constructor(memory: PersistentMemory, queueSize: number) {
    this.#memory = memory;
    this.queueSizes = [queueSize];
    const { what, pointer, size, readOnly } = memory;
    const placed = (base: GuestAddress) => this.#placed(base);
    this.windows = [{ what, pointer, size, readOnly, shmId: VIRTIO_PMEM_SHMEM_REGION_ID, placed }];
  }

  activate([requests]: readonly (Virtqueue | undefined)[]): void {
    this.#requests = requests;
  }

  notify(): void {
    for (let chain = this.#requests?.pop(); chain; chain = this.#requests?.pop()) {
      if (chain.writableLength < virtio_pmem_resp.size)
        throw new GuestFault('a pmem request has no room for its response');
      this.#waiting.push(chain);
    }
    this.#flushWaiting();
  }

  /** A flush that runs goes on; nobody hears of it. */
  reset(): void {
    this.#requests = undefined;
    this.#waiting = [];
    this.#flushing = [];
  }

  counters(): Readonly<Record<string, number>> {
    return { flushes: this.#flushes };
  }

  [Symbol.dispose](): void {
    this.reset();
    this.#memory[Symbol.dispose]();
  }

  /** Told both ways, whether the driver takes VIRTIO_PMEM_F_SHMEM_REGION or not (§5.19.5.1). */
  #placed(base: GuestAddress): void {
    packInto(this.config.bytes, virtio_pmem_config, { start: BigInt(base), size: BigInt(this.#memory.size) });
  }

  /** One flush serves all requests that came before it began. */
  #flushWaiting(): void {
    if (this.#isFlushing || this.#waiting.length === 0) return;
    this.#isFlushing = true;
    this.#flushing = this.#waiting;
    this.#waiting = [];
    this.#flushes++;
    this.#memory.flush((isDurable) => {
      this.#isFlushing = false;
      for (const chain of this.#flushing) this.#answer(chain, isDurable);
      this.#flushing = [];
      this.#requests?.signal();
      this.#flushWaiting();
    });
  }

  #answer(chain: DescriptorChain, isDurable: boolean): void {
    const length = chain.read(this.#request);
    const isFlush =
      length === virtio_pmem_req.size && unpack(virtio_pmem_req, this.#request).type === VIRTIO_PMEM_REQ_TYPE_FLUSH;
    chain.write(isFlush && isDurable ? SUCCESS : FAILURE);
    chain.complete();
  }
}
