/** A virtio-blk with a disk in memory, and requests as a driver cuts them. */
import {
  VIRTIO_BLK_T_DISCARD,
  VIRTIO_BLK_T_FLUSH,
  VIRTIO_BLK_T_GET_ID,
  VIRTIO_BLK_T_IN,
  VIRTIO_BLK_T_OUT,
  VIRTIO_BLK_T_WRITE_ZEROES,
  virtio_blk_discard_write_zeroes,
  virtio_blk_outhdr,
} from '../../src/abi/virtio-blk.ts';
import { pack } from '../../src/base/layout.ts';
import { type BlkOptions, VirtioBlk } from '../../src/devices/virtio-blk.ts';
import { RateLimit, type RateLimitOptions } from '../../src/virtio/rate-limit.ts';
import { DeviceRig } from './device-rig.ts';
import type { Request } from './driver.ts';
import { GuestRam, type GuestRamOptions } from './guest-ram.ts';
import { MemoryDisk, type MemoryDiskOptions } from './memory-disk.ts';

/** A host pointer like any other. */
const POINTER = 0x7f00_0000_0000;

export const Type = {
  IN: VIRTIO_BLK_T_IN,
  OUT: VIRTIO_BLK_T_OUT,
  FLUSH: VIRTIO_BLK_T_FLUSH,
  GET_ID: VIRTIO_BLK_T_GET_ID,
  DISCARD: VIRTIO_BLK_T_DISCARD,
  WRITE_ZEROES: VIRTIO_BLK_T_WRITE_ZEROES,
} as const;

export interface BlkRigOptions extends Partial<BlkOptions>, MemoryDiskOptions, Partial<RateLimitOptions> {
  readonly ram?: GuestRamOptions;
  readonly features?: bigint;
}

export function header(type: number, sector: number | bigint = 0): Uint8Array {
  return pack(virtio_blk_outhdr, { type, sector: BigInt(sector) });
}

export function range(sector: number | bigint, sectors: number, flags = 0): Uint8Array {
  return pack(virtio_blk_discard_write_zeroes, { sector: BigInt(sector), num_sectors: sectors, flags });
}

export class BlkRig {
  readonly rig: DeviceRig<VirtioBlk>;
  readonly disk: MemoryDisk;
  readonly #size: number;

  constructor({ ram: ramOptions, features, ...options }: BlkRigOptions = {}) {
    const ram = new GuestRam({ ...ramOptions, pointer: BigInt(POINTER) });
    const disk = new MemoryDisk(ram, POINTER, options);
    const limit = { bytesPerSecond: 0, requestsPerSecond: 0, burstBytes: 0, burstRequests: 0, ...options };
    const blk: BlkOptions = { queues: 1, queueSize: 16, serial: 'disk0', cache: 'writeback', ...options };
    this.disk = disk;
    this.rig = new DeviceRig(({ loop }) => new VirtioBlk(disk, loop, new RateLimit(loop, limit), blk), ram);
    this.#size = blk.queueSize;
    this.activate(features);
  }

  activate(features = this.device.features): void {
    this.rig.activate({ features, size: this.#size });
  }

  get device(): VirtioBlk {
    return this.rig.device;
  }

  /** Makes a request available and notifies. */
  start(request: Request, queue = 0): void {
    const driver = this.rig.drivers[queue]!;
    driver.add(request);
    driver.kick();
    this.rig.notify(queue);
  }

  /** The next request that is done: its status byte, what the device says it wrote, the data. */
  take(queue = 0): { status: number; used: number; data: Uint8Array } | undefined {
    const buffer = this.rig.drivers[queue]!.take();
    if (buffer === undefined) return undefined;
    const bytes = buffer.writable();
    return { status: bytes.at(-1)!, used: buffer.usedLength!, data: bytes.subarray(0, -1) };
  }

  /** The same for one that has to be done at once. */
  send(request: Request, queue = 0): { status: number; used: number; data: Uint8Array } {
    this.start(request, queue);
    this.rig.loop.settle();
    const done = this.take(queue);
    if (done === undefined) throw new Error('The device keeps the request');
    return done;
  }

  read(sector: number | bigint, length: number) {
    return this.send({ readable: [header(Type.IN, sector)], writable: [length, 1] });
  }

  write(sector: number | bigint, data: Uint8Array) {
    return this.send({ readable: [header(Type.OUT, sector), data], writable: [1] });
  }

  flush() {
    return this.send({ readable: [header(Type.FLUSH)], writable: [1] });
  }

  ranges(type: number, ...ranges: Uint8Array[]) {
    return this.send({ readable: [header(type), ...ranges], writable: [1] });
  }
}
