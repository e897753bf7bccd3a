/** virtio-blk (virtio 1.4 §5.2): a disk. What one request asks for, blk-request.ts knows. */
import { VIRTIO_ID_BLOCK } from '../abi/virtio.ts';
import {
  VIRTIO_BLK_F_BLK_SIZE,
  VIRTIO_BLK_F_CONFIG_WCE,
  VIRTIO_BLK_F_DISCARD,
  VIRTIO_BLK_F_FLUSH,
  VIRTIO_BLK_F_MQ,
  VIRTIO_BLK_F_RO,
  VIRTIO_BLK_F_SEG_MAX,
  VIRTIO_BLK_F_TOPOLOGY,
  VIRTIO_BLK_F_WRITE_ZEROES,
  VIRTIO_BLK_ID_BYTES,
  virtio_blk_config,
} from '../abi/virtio-blk.ts';
import { ConfigError, HostError } from '../base/errors.ts';
import { packInto } from '../base/layout.ts';
import { parseSize } from '../base/size.ts';
import { formatSize } from '../base/units.ts';
import type { DeviceAction, IoLoop, VirtioDevice } from '../virtio/device.ts';
import { DeviceConfig } from '../virtio/device-config.ts';
import type { Virtqueue } from '../virtio/queue.ts';
import type { RateLimit } from '../virtio/rate-limit.ts';
import {
  type BlkDevice,
  BlkRequest,
  BlkScratch,
  DISCARD_SECTORS_MAX,
  DISCARD_SEGMENTS_MAX,
  SECTOR_BYTES,
  WRITE_ZEROES_SECTORS_MAX,
  WRITE_ZEROES_SEGMENTS_MAX,
} from './blk-request.ts';
import { type Disk, type DiskWaiter, type FinalOutcome, Outcome } from './disk.ts';

export interface BlkOptions {
  readonly queues: number;
  readonly queueSize: number;
  /** Up to VIRTIO_BLK_ID_BYTES of ASCII; what is longer is cut. */
  readonly serial: string;
  /** The cache mode after a reset: writes are stable when they are completed, or only after a flush. */
  readonly cache: 'writeback' | 'writethrough';
}

/** What follows is secure erase and zones, which we do not offer. */
const CONFIG_BYTES = virtio_blk_config.fields.max_secure_erase_sectors.offset;
/** A header and a status take a descriptor each, and drivers do without indirect ones too. */
const DESCRIPTORS_BESIDE_DATA = 2;
const WCE = virtio_blk_config.fields.wce.offset;

export class VirtioBlk implements VirtioDevice, BlkDevice {
  readonly id = VIRTIO_ID_BLOCK;
  readonly features: bigint;
  readonly queueSizes: readonly number[];
  readonly config = new DeviceConfig(CONFIG_BYTES);
  readonly actions: Readonly<Record<string, DeviceAction>>;
  readonly disk: Disk;
  readonly serial: Uint8Array;
  readonly scratch = new BlkScratch();
  readonly #loop: IoLoop;
  readonly #limit: RateLimit;
  readonly #options: BlkOptions;
  #queues: readonly (Virtqueue | undefined)[] = [];
  #features = 0n;
  readonly #recycled: BlkRequest[] = [];
  /** Those that wait for the next flush. */
  #unflushed: BlkRequest[] = [];
  /** Long transfers that go on in the next turn. */
  #unfinished: BlkRequest[] = [];
  readonly #notifyAll = () => {
    for (const index of this.#queues.keys()) this.notify(index);
  };

  constructor(disk: Disk, loop: IoLoop, limit: RateLimit, options: BlkOptions) {
    this.disk = disk;
    this.#loop = loop;
    this.#limit = limit;
    this.#options = options;
    this.queueSizes = Array(options.queues).fill(options.queueSize);
    this.serial = serialOf(options.serial);
    this.features = featuresOf(disk, options);
    this.#fillConfig();
    this.actions = {
      resize: {
        help: 'Grows the disk to VALUE, a size like 20G; without VALUE it takes over the size that its file or block device has now.',
        run: (value) => this.#resize(value),
      },
    };
  }

  get acceptsDiscard(): boolean {
    return this.#has(VIRTIO_BLK_F_DISCARD);
  }

  get acceptsWriteZeroes(): boolean {
    return this.#has(VIRTIO_BLK_F_WRITE_ZEROES);
  }

  /** §5.2.6.2: when a write is stable. */
  get isWritethrough(): boolean {
    if (this.#has(VIRTIO_BLK_F_CONFIG_WCE)) return this.config.bytes[WCE] === 0;
    return !this.#has(VIRTIO_BLK_F_FLUSH);
  }

  activate(queues: readonly (Virtqueue | undefined)[], features: bigint): void {
    this.#queues = queues;
    this.#features = features;
    // §5.2.5.2: a driver that cannot flush begins with a writethrough cache.
    if (!this.#has(VIRTIO_BLK_F_FLUSH)) this.config.bytes[WCE] = 0;
  }

  notify(index: number): void {
    const queue = this.#queues[index];
    if (queue === undefined) return;
    while (this.#limit.admits(this.#notifyAll)) {
      const chain = queue.pop();
      if (chain === undefined) break;
      this.#limit.spend(chain.readableLength + chain.writableLength);
      const request = this.#recycled.pop() ?? new BlkRequest(this);
      request.start(queue, chain);
    }
    if (this.#unflushed.length > 0) this.#flush();
    queue.signal();
  }

  writeConfig(offset: number, bytes: Uint8Array): void {
    if (offset !== WCE || bytes.length !== 1) return;
    this.config.bytes[WCE] = bytes[0] === 0 ? 0 : 1;
  }

  /** One byte: WCE. */
  saveState(): Uint8Array {
    return this.config.bytes.slice(WCE, WCE + 1);
  }

  loadState(state: Uint8Array): void {
    if (state.length !== 1 || state[0]! > 1) throw new HostError('the state of a disk is one byte, 0 or 1');
    this.config.bytes.set(state, WCE);
  }

  finish(): void {
    do {
      this.#goOn();
      this.disk.drain();
    } while (this.#unfinished.length > 0);
  }

  stopQueue(index: number): void {
    this.disk.drain();
    this.#queues = this.#queues.with(index, undefined);
  }

  startQueue(index: number, queue: Virtqueue): void {
    this.#queues = this.#queues.with(index, queue);
  }

  reset(): void {
    this.disk.drain();
    this.#limit.reset();
    this.#queues = [];
    this.#unflushed = [];
    this.#unfinished = [];
    this.#features = 0n;
    this.config.bytes[WCE] = this.#options.cache === 'writeback' ? 1 : 0;
  }

  [Symbol.dispose](): void {
    this.reset();
    this.disk[Symbol.dispose]();
  }

  // ── for requests ──

  flushSoon(request: BlkRequest): void {
    this.#unflushed.push(request);
  }

  goOnSoon(request: BlkRequest): void {
    this.#unfinished.push(request);
    if (this.#unfinished.length === 1) this.#loop.defer(() => this.#goOn());
  }

  settle(): void {
    if (this.#unflushed.length > 0) this.#flush();
    for (const queue of this.#queues) queue?.signal();
  }

  recycle(request: BlkRequest): void {
    this.#recycled.push(request);
  }

  #goOn(): void {
    const requests = this.#unfinished;
    this.#unfinished = [];
    for (const request of requests) {
      if (this.#isCurrent(request)) request.goOn();
    }
    this.settle();
  }

  /** One flush for all who wait: it begins after their writes were done. */
  #flush(): void {
    const requests = this.#unflushed;
    this.#unflushed = [];
    const waiter: DiskWaiter = {
      completed: (outcome: FinalOutcome) => {
        for (const request of requests) {
          if (this.#isCurrent(request)) request.flushed(outcome);
        }
        for (const queue of this.#queues) queue?.signal();
      },
    };
    const outcome = this.disk.flush(waiter);
    if (outcome !== Outcome.PENDING) waiter.completed(outcome);
  }

  /** Not one of before a reset. */
  #isCurrent({ queue }: BlkRequest): boolean {
    return queue !== undefined && this.#queues[queue.index] === queue;
  }

  #has(feature: number): boolean {
    return (this.#features & (1n << BigInt(feature))) !== 0n;
  }

  #fillConfig(): void {
    const { blocks, canDiscard } = this.disk;
    packInto(this.config.bytes, virtio_blk_config, {
      capacity: this.#capacity,
      seg_max: Math.max(1, this.#options.queueSize - DESCRIPTORS_BESIDE_DATA),
      blk_size: blocks.logical,
      physical_block_exp: Math.log2(blocks.physical / blocks.logical),
      alignment_offset: blocks.alignmentOffset / blocks.logical,
      min_io_size: blocks.minimumIo / blocks.logical,
      opt_io_size: blocks.optimalIo / blocks.logical,
      wce: this.#options.cache === 'writeback' ? 1 : 0,
      num_queues: this.#options.queues,
      max_discard_sectors: DISCARD_SECTORS_MAX,
      max_discard_seg: DISCARD_SEGMENTS_MAX,
      discard_sector_alignment: blocks.physical / SECTOR_BYTES,
      max_write_zeroes_sectors: WRITE_ZEROES_SECTORS_MAX,
      max_write_zeroes_seg: WRITE_ZEROES_SEGMENTS_MAX,
      write_zeroes_may_unmap: canDiscard ? 1 : 0,
    });
  }

  get #capacity(): bigint {
    return BigInt(Math.floor(this.disk.sizeBytes / SECTOR_BYTES));
  }

  #resize(value: string | undefined): string {
    const size = value === undefined ? undefined : parseSize(value);
    if (value !== undefined && (size === undefined || size % SECTOR_BYTES !== 0)) {
      throw new ConfigError(`"${value}" is not the size of a disk: write one like 20G, a multiple of ${SECTOR_BYTES}`);
    }
    this.disk.resize(size);
    this.config.update((view) => view.setBigUint64(virtio_blk_config.fields.capacity.offset, this.#capacity, true));
    return `The disk has ${formatSize(this.disk.sizeBytes)} now`;
  }
}

function featuresOf(disk: Disk, { queues }: BlkOptions): bigint {
  const offered = [
    VIRTIO_BLK_F_SEG_MAX,
    VIRTIO_BLK_F_BLK_SIZE,
    VIRTIO_BLK_F_FLUSH,
    VIRTIO_BLK_F_TOPOLOGY,
    VIRTIO_BLK_F_CONFIG_WCE,
  ];
  if (queues > 1) offered.push(VIRTIO_BLK_F_MQ);
  if (disk.isReadonly) offered.push(VIRTIO_BLK_F_RO);
  else {
    offered.push(VIRTIO_BLK_F_WRITE_ZEROES);
    if (disk.canDiscard) offered.push(VIRTIO_BLK_F_DISCARD);
  }
  return offered.reduce((mask, feature) => mask | (1n << BigInt(feature)), 0n);
}

function serialOf(text: string): Uint8Array {
  const bytes = new Uint8Array(VIRTIO_BLK_ID_BYTES);
  for (let index = 0; index < Math.min(text.length, bytes.length); index++) bytes[index] = text.charCodeAt(index);
  return bytes;
}
