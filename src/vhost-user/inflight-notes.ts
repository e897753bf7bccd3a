/**
 * Notes of what we have in hand, in memory that the front-end keeps ("Inflight I/O tracking", split virtqueues): when our process
 * is gone, the next one reads here what to do again. Each store is one that the other process may find to be the last.
 */
import { alignUp } from '../base/bits.ts';
import { bytes, struct, u8, u16, u64 } from '../base/layout.ts';
import type { Fd } from '../host/fd.ts';
import { createMemfd } from '../host/mapping.ts';
import type { QueueNotes } from '../virtio/queue.ts';
import { PeerFault } from './peer-fault.ts';
import type { Body, FRONT_END_REQUESTS } from './requests.ts';
import { SharedFile } from './shared-file.ts';

export type InflightDescription = Body<typeof FRONT_END_REQUESTS, 'SET_INFLIGHT_FD'>;

/** `struct QueueRegionSplit`, and `struct DescStateSplit` for each entry of the queue. */
const region = struct(16, {
  features: u64(0),
  version: u16(8),
  desc_num: u16(10),
  last_batch_head: u16(12),
  used_idx: u16(14),
});
const state = struct(16, { inflight: u8(0), padding: bytes(1, 5), next: u16(6), counter: u64(8) });
const VERSION = 1;
/** Each queue's part begins on a cache line of its own, as libvhost-user has it. */
const PART_ALIGNMENT = 64;
const QUEUE_SIZE_MAX = 32_768;
const IDX_MASK = 0xffff;
const Half = {
  VERSION: region.fields.version.offset / 2,
  DESC_NUM: region.fields.desc_num.offset / 2,
  LAST_BATCH_HEAD: region.fields.last_batch_head.offset / 2,
  USED_IDX: region.fields.used_idx.offset / 2,
  NEXT: state.fields.next.offset / 2,
} as const;

/** Memory for the notes of that many queues ("GET_INFLIGHT_FD"), empty. The descriptor is the caller's. */
export function createInflight({ num_queues, queue_size }: InflightDescription): {
  readonly description: InflightDescription;
  readonly fd: Fd;
} {
  checkShape(num_queues, queue_size);
  const mmap_size = num_queues * partBytes(queue_size);
  const description = { mmap_size: BigInt(mmap_size), mmap_offset: 0n, num_queues, queue_size };
  return { description, fd: createMemfd('inflight', mmap_size) };
}

/** The memory as the front-end has given it ("SET_INFLIGHT_FD"). */
export class InflightNotes implements Disposable {
  readonly #file: SharedFile;
  readonly #queueCount: number;
  readonly #queueSize: number;

  constructor({ mmap_size, mmap_offset, num_queues, queue_size }: InflightDescription, fd: Fd) {
    checkShape(num_queues, queue_size);
    if (mmap_size < num_queues * partBytes(queue_size)) {
      throw new PeerFault(`its memory for requests in hand has ${mmap_size} bytes: too few for ${num_queues} queues`);
    }
    this.#queueCount = num_queues;
    this.#queueSize = queue_size;
    this.#file = new SharedFile(fd, mmap_offset, mmap_size, 'memory for requests in hand');
  }

  /** Of queue `index`, which has `size` entries; undefined where the memory has no place for it. */
  queue(index: number, size: number): QueueInflight | undefined {
    if (index >= this.#queueCount || size > this.#queueSize) return undefined;
    const bytesEach = partBytes(this.#queueSize);
    return new QueueInflight(this.#file.buffer, index * bytesEach, size);
  }

  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
  }
}

export class QueueInflight implements QueueNotes {
  readonly #halves: Uint16Array;
  readonly #flags: Uint8Array;
  readonly #counters: BigUint64Array;
  readonly #size: number;
  #counter = 0n;
  /** Given, and not yet published. */
  #batch: number[] = [];

  constructor(buffer: ArrayBuffer, offset: number, size: number) {
    this.#size = size;
    this.#halves = new Uint16Array(buffer, offset, (region.size + size * state.size) / 2);
    const states = offset + region.size;
    this.#flags = new Uint8Array(buffer, states, size * state.size);
    this.#counters = new BigUint64Array(buffer, states, (size * state.size) / 8);
  }

  /**
   * What somebody before us had in hand, in the order in which it was taken; nothing in new notes. `usedIdx`: used.idx as the
   * driver sees it.
   */
  resume(usedIdx: number): readonly number[] {
    if (this.#half(Half.VERSION) === 0) {
      this.#setHalf(Half.DESC_NUM, this.#size);
      this.#setHalf(Half.USED_IDX, usedIdx);
      this.#setHalf(Half.VERSION, VERSION);
      return [];
    }
    if (this.#half(Half.VERSION) !== VERSION || this.#half(Half.DESC_NUM) !== this.#size) {
      throw new PeerFault('its notes of requests in hand are of another kind, or of a queue of another size');
    }
    this.#forgetPublished((usedIdx - this.#half(Half.USED_IDX)) & IDX_MASK, usedIdx);
    const heads = Array.from({ length: this.#size }, (_, head) => head).filter((head) => this.#isInHand(head));
    const counterOf = (head: number) => Atomics.load(this.#counters, counterAt(head));
    heads.sort((a, b) => (counterOf(a) < counterOf(b) ? -1 : 1));
    this.#counter = heads.length > 0 ? counterOf(heads.at(-1)!) : 0n;
    return heads;
  }

  taken(head: number): void {
    Atomics.store(this.#counters, counterAt(head), ++this.#counter);
    Atomics.store(this.#flags, flagAt(head), 1);
  }

  given(head: number): void {
    this.#setHalf(nextAt(head), this.#half(Half.LAST_BATCH_HEAD));
    this.#setHalf(Half.LAST_BATCH_HEAD, head);
    this.#batch.push(head);
  }

  published(usedIdx: number): void {
    for (const head of this.#batch) Atomics.store(this.#flags, flagAt(head), 0);
    this.#batch = [];
    this.#setHalf(Half.USED_IDX, usedIdx);
  }

  /** The last `count` that were given were shown to the driver, but not noted as such. */
  #forgetPublished(count: number, usedIdx: number): void {
    if (count > this.#size) throw new PeerFault('its notes of requests in hand are not those of this queue');
    let head = this.#half(Half.LAST_BATCH_HEAD);
    for (let left = count; left > 0; left--) {
      if (head >= this.#size)
        throw new PeerFault('its notes of requests in hand name a descriptor that does not exist');
      Atomics.store(this.#flags, flagAt(head), 0);
      head = this.#half(nextAt(head));
    }
    this.#setHalf(Half.USED_IDX, usedIdx);
  }

  #isInHand(head: number): boolean {
    return Atomics.load(this.#flags, flagAt(head)) === 1;
  }

  #half(at: number): number {
    return Atomics.load(this.#halves, at);
  }

  #setHalf(at: number, value: number): void {
    Atomics.store(this.#halves, at, value);
  }
}

function flagAt(head: number): number {
  return head * state.size + state.fields.inflight.offset;
}

function counterAt(head: number): number {
  return (head * state.size + state.fields.counter.offset) / 8;
}

function nextAt(head: number): number {
  return (region.size + head * state.size) / 2 + Half.NEXT;
}

function partBytes(queueSize: number): number {
  return alignUp(region.size + queueSize * state.size, PART_ALIGNMENT);
}

function checkShape(queueCount: number, queueSize: number): void {
  if (queueCount === 0 || queueCount > 256 || queueSize === 0 || queueSize > QUEUE_SIZE_MAX) {
    throw new PeerFault(`it wants notes for ${queueCount} queues of ${queueSize} entries, which cannot be`);
  }
}
