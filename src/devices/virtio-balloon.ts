/**
 * virtio-balloon (virtio 1.4 §5.5): the guest lends pages to us, as many as we ask for, or reports those that it does not
 * use, and the host gets them back. What the guest takes out of the balloon it just uses: the host gives a new page then.
 */

import { VIRTIO_ID_BALLOON } from '../abi/virtio.ts';
import {
  VIRTIO_BALLOON_F_DEFLATE_ON_OOM,
  VIRTIO_BALLOON_F_MUST_TELL_HOST,
  VIRTIO_BALLOON_F_PAGE_POISON,
  VIRTIO_BALLOON_F_REPORTING,
  VIRTIO_BALLOON_F_STATS_VQ,
  virtio_balloon_config,
} from '../abi/virtio-balloon.ts';
import { ConfigError, GuestFault } from '../base/errors.ts';
import { parseSize } from '../base/size.ts';
import { formatAddress, formatSize, KiB } from '../base/units.ts';
import { type DescriptorChain, IovecTable } from '../virtio/chain.ts';
import type { DeviceAction, DeviceWorld, VirtioDevice } from '../virtio/device.ts';
import { DeviceConfig } from '../virtio/device-config.ts';
import type { Virtqueue } from '../virtio/queue.ts';
import { BalloonStatistics } from './balloon-statistics.ts';
import { BALLOON_PAGE, LentPages } from './lent-pages.ts';

/** Host memory behind guest RAM that can be given back. Its addresses are those of our process. */
export interface ReclaimableRam {
  /** Bytes of a host page: what can be given back are multiples of it, at multiples of it. */
  readonly granule: number;
  /** Why nothing can be given back; undefined when it can. */
  canDiscard(): string | undefined;
  /** Gives whole granules back: they read as zeroes from then on, and come again when somebody writes. */
  discard(pointer: number, size: number): void;
}

export interface BalloonOptions {
  /** How much the guest shall lend at first, bytes. */
  readonly target: number;
  readonly deflateOnOom: boolean;
  readonly freePageReporting: boolean;
  /** 0: only when somebody asks. */
  readonly statsIntervalMs: number;
  readonly queueSize: number;
}

/** §5.5.2. free_page_vq (3) is for migration, and not here. */
const Queue = { INFLATE: 0, DEFLATE: 1, STATS: 2, REPORTING: 4 } as const;
const Field = virtio_balloon_config.fields;
/** What the driver may write (§5.5.4). */
const WRITABLE_FIELDS = [Field.actual, Field.poison_val];
/** Page numbers are read in pieces of so many bytes; Linux sends 1 KiB at most. */
const PIECE_BYTES = 4 * KiB;
/** A chain of a guest that means no good can be long: after so many pieces the others have their turn. */
const PIECES_PER_TURN = 4;
/** Linux reports 32 blocks at a time (PAGE_REPORTING_CAPACITY). */
const REPORT_SEGMENTS = 64;

/** Inflate or deflate queue, between two resets. */
interface PageQueue {
  readonly queue: Virtqueue;
  readonly take: (pages: Uint32Array) => void;
  /** Half read. */
  chain: DescriptorChain | undefined;
  isDeferred: boolean;
}

export class VirtioBalloon implements VirtioDevice {
  readonly id = VIRTIO_ID_BALLOON;
  readonly features: bigint;
  readonly queueSizes: readonly number[];
  readonly config = new DeviceConfig(virtio_balloon_config.size);
  readonly actions: Readonly<Record<string, DeviceAction>> = {
    target: {
      help: 'Asks the guest to lend SIZE of its memory, or to take back what is more: `target 256M`, `target 0`.',
      run: (value) => this.#retarget(value),
    },
    stats: {
      help: "The guest's memory statistics as it last told them, as JSON, and asks it for new ones.",
      run: () => this.#tellStatistics(),
    },
  };
  readonly #world: DeviceWorld;
  readonly #ram: ReclaimableRam;
  readonly #statistics: BalloonStatistics;
  /** Where host pages are larger than balloon pages. */
  readonly #lent: LentPages | undefined;
  readonly #piece = new Uint8Array(PIECE_BYTES);
  readonly #table = new IovecTable(REPORT_SEGMENTS);
  readonly #memoryBytes: number;
  #pageQueues: readonly (PageQueue | undefined)[] = [];
  #reporting: Virtqueue | undefined;
  /** The driver says when it takes a page back, and before it uses it. */
  #isTold = false;
  /** What the guest has filled its free pages with, and wants to find there again. */
  #poison = 0;
  #inflatedPages = 0;
  #deflatedPages = 0;
  #reportedBytes = 0;
  #givenBackBytes = 0;

  constructor(world: DeviceWorld, ram: ReclaimableRam, options: BalloonOptions) {
    const { target, deflateOnOom, queueSize } = options;
    this.#world = world;
    this.#ram = ram;
    this.#memoryBytes = world.memory.regions.reduce((sum, { range }) => sum + range.size, 0);
    if (ram.granule > BALLOON_PAGE) this.#lent = new LentPages(world.memory, ram.granule);
    if (target > 0) this.#checkTarget(target, `devices.${world.name}.target`);
    const reports = options.freePageReporting && ram.canDiscard() === undefined;
    const bits = [VIRTIO_BALLOON_F_MUST_TELL_HOST, VIRTIO_BALLOON_F_STATS_VQ, VIRTIO_BALLOON_F_PAGE_POISON];
    if (deflateOnOom) bits.push(VIRTIO_BALLOON_F_DEFLATE_ON_OOM);
    if (reports) bits.push(VIRTIO_BALLOON_F_REPORTING);
    this.features = bits.reduce((mask, bit) => mask | (1n << BigInt(bit)), 0n);
    this.queueSizes = Array<number>(reports ? Queue.REPORTING + 1 : Queue.STATS + 1).fill(queueSize);
    this.#statistics = new BalloonStatistics(world.loop, options.statsIntervalMs);
    this.config.view.setUint32(Field.num_pages.offset, target / BALLOON_PAGE, true);
  }

  activate(queues: readonly (Virtqueue | undefined)[], features: bigint): void {
    const has = (bit: number) => (features & (1n << BigInt(bit))) !== 0n;
    this.#isTold = has(VIRTIO_BALLOON_F_MUST_TELL_HOST);
    this.#poison = has(VIRTIO_BALLOON_F_PAGE_POISON) ? this.config.view.getUint32(Field.poison_val.offset, true) : 0;
    const pageQueue = (queue: Virtqueue | undefined, take: (pages: Uint32Array) => void): PageQueue | undefined =>
      queue && { queue, take, chain: undefined, isDeferred: false };
    this.#pageQueues = [
      pageQueue(queues[Queue.INFLATE], (pages) => this.#inflate(pages)),
      pageQueue(queues[Queue.DEFLATE], (pages) => this.#deflate(pages)),
    ];
    const hasStatistics = has(VIRTIO_BALLOON_F_STATS_VQ);
    if (hasStatistics) this.#statistics.start(queues[Queue.STATS]);
    // Linux leaves no gap for queues of features that it has not: its reporting_vq is the first one free.
    const compact = hasStatistics ? Queue.STATS + 1 : Queue.STATS;
    if (has(VIRTIO_BALLOON_F_REPORTING)) this.#reporting = queues[Queue.REPORTING] ?? queues[compact];
  }

  notify(index: number): void {
    const pages = this.#pageQueues[index];
    if (pages) this.#takePages(pages);
    else if (index === this.#reporting?.index) this.#takeReports(this.#reporting);
    else if (index === Queue.STATS) this.#statistics.notify();
  }

  reset(): void {
    this.#pageQueues = [];
    this.#reporting = undefined;
    this.#statistics.stop();
    this.#lent?.clear();
    for (const field of WRITABLE_FIELDS) this.config.view.setUint32(field.offset, 0, true);
  }

  writeConfig(offset: number, bytes: Uint8Array): void {
    bytes.forEach((byte, index) => {
      const at = offset + index;
      const isWritable = WRITABLE_FIELDS.some((field) => at >= field.offset && at < field.offset + field.size);
      if (isWritable) this.config.view.setUint8(at, byte);
    });
  }

  counters(): Readonly<Record<string, number>> {
    return {
      inflatedPages: this.#inflatedPages,
      deflatedPages: this.#deflatedPages,
      reportedBytes: this.#reportedBytes,
      givenBackBytes: this.#givenBackBytes,
      targetBytes: this.#targetBytes,
      actualBytes: this.#actualBytes,
    };
  }

  [Symbol.dispose](): void {
    this.reset();
  }

  get #targetBytes(): number {
    return this.config.view.getUint32(Field.num_pages.offset, true) * BALLOON_PAGE;
  }

  /** As the driver says. */
  get #actualBytes(): number {
    return this.config.view.getUint32(Field.actual.offset, true) * BALLOON_PAGE;
  }

  /** Reads arrays of page numbers, in pieces, and gives way after some. */
  #takePages(pages: PageQueue): void {
    for (let pieces = 0; pieces < PIECES_PER_TURN; pieces++) {
      pages.chain ??= pages.queue.pop();
      if (pages.chain === undefined) {
        pages.queue.signal();
        return;
      }
      const length = pages.chain.read(this.#piece);
      pages.take(new Uint32Array(this.#piece.buffer, 0, Math.floor(length / Uint32Array.BYTES_PER_ELEMENT)));
      if (pages.chain.readLeft > 0) continue;
      pages.chain.complete(0);
      pages.chain = undefined;
    }
    pages.queue.signal();
    if (pages.isDeferred) return;
    pages.isDeferred = true;
    this.#world.loop.defer(() => {
      pages.isDeferred = false;
      if (this.#pageQueues.includes(pages)) this.#takePages(pages);
    });
  }

  /** Pages have been lent: those that make whole host pages go back to the host, neighbours in one call. */
  #inflate(pages: Uint32Array): void {
    const { memory } = this.#world;
    const { granule } = this.#ram;
    this.#inflatedPages += pages.length;
    const canDiscard = this.#ram.canDiscard() === undefined;
    let [start, end] = [0, 0];
    for (const page of pages.sort()) {
      const region = this.#regionOf(page);
      const offset = memory.offsetIn(region, page * BALLOON_PAGE);
      if ((this.#lent && !this.#lent.add(region, offset)) || !canDiscard) continue;
      const pointer = memory.pointerIn(region, offset - (offset % granule));
      if (pointer > end || pointer < start) {
        this.#discard(start, end);
        start = pointer;
      }
      end = pointer + granule;
    }
    this.#discard(start, end);
    // A driver that does not tell may use its pages again as soon as this request is done.
    if (!this.#isTold) this.#forget(pages);
  }

  #deflate(pages: Uint32Array): void {
    this.#deflatedPages += pages.length;
    this.#forget(pages);
  }

  #forget(pages: Uint32Array): void {
    for (const page of pages) {
      const region = this.#regionOf(page);
      this.#lent?.remove(region, this.#world.memory.offsetIn(region, page * BALLOON_PAGE));
    }
  }

  #regionOf(page: number): number {
    const region = this.#world.memory.regionOf(page * BALLOON_PAGE, BALLOON_PAGE);
    if (region < 0)
      throw new GuestFault(`the balloon page at ${formatAddress(page * BALLOON_PAGE)} is not guest memory`);
    return region;
  }

  /** Free memory, described by the device-writable part of chains (§5.5.6.7): ours until the chain is completed. */
  #takeReports(queue: Virtqueue): void {
    for (let chain = queue.pop(); chain; chain = queue.pop()) {
      const { writableLength } = chain;
      this.#reportedBytes += writableLength;
      // The guest wants to find its poison again, and a new page has zeroes.
      const keeps = this.#poison !== 0 || this.#ram.canDiscard() !== undefined;
      for (let offset = keeps ? writableLength : 0; offset < writableLength; offset += this.#table.byteLength) {
        this.#table.clear();
        const count = chain.writableIovecs(this.#table, offset, writableLength - offset);
        for (let index = 0; index < count; index++) this.#giveBack(index);
      }
      chain.complete(0);
    }
    queue.signal();
  }

  /** Gives back the whole host pages of an entry of the table. */
  #giveBack(index: number): void {
    const { granule } = this.#ram;
    const pointer = this.#table.pointerOf(index);
    const start = Math.ceil(pointer / granule) * granule;
    const end = pointer + this.#table.lengthOf(index);
    this.#discard(start, end - (end % granule));
  }

  #discard(start: number, end: number): void {
    if (end <= start) return;
    this.#ram.discard(start, end - start);
    this.#givenBackBytes += end - start;
  }

  #retarget(value: string | undefined): string {
    const bytes = value === undefined ? undefined : parseSize(value);
    if (bytes === undefined) {
      const given = value === undefined ? 'nothing' : `"${value}"`;
      throw new ConfigError(
        `Expected the size that the balloon shall have, got ${given}: write for example target 256M`,
      );
    }
    if (bytes > 0) this.#checkTarget(bytes, '');
    this.config.update((view) => view.setUint32(Field.num_pages.offset, Math.floor(bytes / BALLOON_PAGE), true));
    return `The guest shall lend ${formatSize(bytes)}; now it lends ${formatSize(this.#actualBytes)}`;
  }

  #checkTarget(bytes: number, keyPath: string): void {
    const doing = `Cannot take ${formatSize(bytes)} from the guest`;
    if (bytes > this.#memoryBytes) {
      const has = formatSize(this.#memoryBytes);
      throw new ConfigError(`${doing}: it has ${has} in all: lower the target`, { keyPath });
    }
    const refusal = this.#ram.canDiscard();
    if (refusal !== undefined) throw new ConfigError(`${doing}: ${refusal}: set the target to 0`, { keyPath });
  }

  #tellStatistics(): string {
    const known = this.#statistics.ask();
    return JSON.stringify({ targetBytes: this.#targetBytes, actualBytes: this.#actualBytes, ...known });
  }
}
