/**
 * The receiving half of a queue pair (virtio 1.4 §5.1.6.4): frames go from a port of the network straight into the driver's
 * buffers. Some buffers are taken before anybody knows how long the next frame is; one that is longer than they are ends in
 * the port's own memory and is copied to further buffers. While the driver has none, frames wait where they are.
 */
import { virtio_net_hdr_v1 } from '../abi/virtio-net.ts';
import { GuestFault } from '../base/errors.ts';
import { KiB } from '../base/units.ts';
import type { DescriptorChain } from '../virtio/chain.ts';
import type { IoLoop } from '../virtio/device.ts';
import type { Virtqueue } from '../virtio/queue.ts';
import type { RateLimit } from '../virtio/rate-limit.ts';
import { CLOSED, type NetworkPort } from './network.ts';

/** A turn: the transmitter and other devices wait no longer than this takes. */
const TURN_FRAMES = 64;
const TURN_BYTES = 512 * KiB;
/**
 * The driver is shown the first frame of a turn at once, for it may sleep, and then so much at a time. All buffers of a frame
 * have to be shown together (§5.1.6.4.1).
 */
const SIGNAL_FRAMES = 16;
const SIGNAL_BYTES = 64 * KiB;
/** Room that is always offered: a frame of the usual MTU. */
const ROOM_BYTES_MIN = 2 * KiB;

const HEADER_BYTES = virtio_net_hdr_v1.size;
const NUM_BUFFERS = virtio_net_hdr_v1.fields.num_buffers.offset;

/** Beside the results of a port: buffers, or the rate limit, have to come first. */
const BLOCKED = -3;

export interface ReceiverOptions {
  readonly port: NetworkPort;
  /** Whether the port's frames have headers. */
  readonly hasHeaders: boolean;
  readonly limit: RateLimit;
  readonly loop: IoLoop;
  /** Whether `run` is to be called when there are frames. */
  watch(readable: boolean): void;
  /** The port has no more frames, for ever. */
  closed(): void;
}

/** What the driver negotiated. */
export interface ReceiveMode {
  /** VIRTIO_NET_F_MRG_RXBUF: a frame may fill several buffers. */
  readonly mergeable: boolean;
  /** VIRTIO_NET_F_GUEST_CSUM: without it the header says nothing (§5.1.6.4.1). */
  readonly checksums: boolean;
}

export class NetReceiver {
  readonly #options: ReceiverOptions;
  readonly #retry = () => this.run();
  /** Where in a buffer the port's bytes begin. */
  readonly #lead: number;
  /** What is written before a frame: the whole header, or its `num_buffers` alone where the port's header is the guest's. */
  #header = new Uint8Array(HEADER_BYTES);
  #queue: Virtqueue | undefined;
  #isMergeable = false;
  #isLinkUp = true;
  /** Buffers that the driver gave and no frame has filled, the oldest first, and their bytes. */
  readonly #chains: DescriptorChain[] = [];
  #chainBytes = 0;
  /** How much room to offer to the next frame: those of late were about that long. */
  #expectedBytes = ROOM_BYTES_MIN;
  /** A frame that needs more buffers than there were: its bytes, 0 for none, and how many of them lie in buffers. */
  #stuckBytes = 0;
  #stuckInRoom = 0;
  frames = 0;
  bytes = 0;
  dropped = 0;

  constructor(options: ReceiverOptions) {
    this.#options = options;
    this.#lead = options.hasHeaders ? 0 : HEADER_BYTES;
  }

  /** The driver is there. What arrived before it is dropped, as a card would. */
  start(queue: Virtqueue, { mergeable, checksums }: ReceiveMode): void {
    this.#queue = queue;
    this.#isMergeable = mergeable;
    this.#header = new Uint8Array(this.#options.hasHeaders && checksums ? HEADER_BYTES - NUM_BUFFERS : HEADER_BYTES);
    while (this.#discard() >= 0);
  }

  stop(): void {
    this.#queue = undefined;
    this.#chains.length = 0;
    this.#chainBytes = 0;
    this.#stuckBytes = 0;
    this.#options.limit.reset();
  }

  /** While the link is down, what arrives is lost. */
  setLink(isUp: boolean): void {
    this.#isLinkUp = isUp;
    this.#stuckBytes = 0;
  }

  /** There may be frames, or buffers for them. */
  run(): void {
    const queue = this.#queue;
    if (queue === undefined) return;
    let isBlocked = false;
    let bytes = 0;
    let signalledBytes = 0;
    for (let frames = 0; ; frames++) {
      if (frames === TURN_FRAMES || bytes >= TURN_BYTES) {
        // The port may hold frames that its file descriptor does not tell of.
        this.#options.loop.defer(this.#retry);
        break;
      }
      const result = this.#isLinkUp ? this.#receive(queue) : this.#discard();
      if (result === CLOSED) {
        queue.signal();
        this.#options.closed();
        return;
      }
      isBlocked = result === BLOCKED;
      if (result < 0) break;
      bytes += result;
      if (frames % SIGNAL_FRAMES === 0 || bytes - signalledBytes >= SIGNAL_BYTES) {
        queue.signal();
        signalledBytes = bytes;
      }
    }
    queue.signal();
    this.#options.watch(!isBlocked);
  }

  /** Bytes of the frame that was dealt with, or NO_FRAME, CLOSED or BLOCKED. */
  #receive(queue: Virtqueue): number {
    const { port, limit } = this.#options;
    if (this.#stuckBytes > 0) return this.#place(queue, this.#stuckBytes, this.#stuckInRoom);
    if (!limit.admits(this.#retry) || !this.#offer(queue)) return BLOCKED;
    const inRoom = port.receive();
    if (inRoom < 0) return inRoom;
    const length = inRoom + port.rest.length;
    limit.spend(length);
    return this.#place(queue, length, inRoom);
  }

  /** Takes buffers for a frame of the usual length and tells the port of them; false when there is not a single one. */
  #offer(queue: Virtqueue): boolean {
    const { room } = this.#options.port;
    const wanted = room && this.#isMergeable ? this.#expectedBytes : 1;
    while (this.#chainBytes < wanted && this.#take(queue));
    if (this.#chains.length === 0) return false;
    if (room === undefined) return true;
    room.clear();
    let start = this.#lead;
    for (let index = 0; index < this.#chains.length && room.count < room.capacity; index++) {
      const chain = this.#chains[index]!;
      chain.writableIovecs(room, start, chain.writableLength - start);
      start = 0;
    }
    return true;
  }

  #take(queue: Virtqueue): boolean {
    const chain = queue.pop();
    if (chain === undefined) return false;
    if (chain.writableLength < HEADER_BYTES) {
      throw new GuestFault(`a receive buffer of ${chain.writableLength} bytes is smaller than its header`);
    }
    this.#chains.push(chain);
    this.#chainBytes += chain.writableLength;
    return true;
  }

  /** Gives the driver a frame of which `inRoom` bytes lie in its buffers already. */
  #place(queue: Virtqueue, length: number, inRoom: number): number {
    const total = this.#lead + length;
    while (this.#isMergeable && this.#chainBytes < total && this.#take(queue));
    if (this.#chainBytes < total) {
      // The driver may give more, unless we have all that its queue holds.
      if (this.#isMergeable && this.#slots() < queue.size) {
        this.#stuckBytes = length;
        this.#stuckInRoom = inRoom;
        return BLOCKED;
      }
      this.dropped++;
    } else {
      this.#copy(this.#options.port.rest, this.#lead + inRoom);
      this.#give(total);
      this.#expectedBytes = Math.max(total, ROOM_BYTES_MIN, this.#expectedBytes - (this.#expectedBytes >> 3));
      this.frames++;
      this.bytes += length;
    }
    this.#stuckBytes = 0;
    return length;
  }

  /** Copies `bytes` into the buffers, `offset` bytes after their beginning. */
  #copy(bytes: Uint8Array, offset: number): void {
    let start = offset;
    let done = 0;
    for (let index = 0; done < bytes.length; index++) {
      const chain = this.#chains[index]!;
      const count = Math.min(chain.writableLength - start, bytes.length - done);
      if (count > 0) {
        chain.writeAt(start, bytes.subarray(done, done + count));
        done += count;
      }
      start = Math.max(0, start - chain.writableLength);
    }
  }

  /** Finishes the header and gives the first `total` bytes of the buffers to the driver. */
  #give(total: number): void {
    let count = 0;
    for (let covered = 0; covered < total; count++) covered += this.#chains[count]!.writableLength;
    const header = this.#header;
    header[header.length - 2] = count;
    header[header.length - 1] = count >> 8;
    this.#chains[0]!.writeAt(HEADER_BYTES - header.length, header);
    let left = total;
    for (let index = 0; index < count; index++) {
      const chain = this.#chains[index]!;
      const written = Math.min(chain.writableLength, left);
      this.#chainBytes -= chain.writableLength;
      left -= written;
      chain.complete(written);
    }
    this.#chains.splice(0, count);
  }

  /** Takes a frame for nobody. */
  #discard(): number {
    const { port } = this.#options;
    port.room?.clear();
    const inRoom = port.receive();
    if (inRoom >= 0) this.dropped++;
    return inRoom < 0 ? inRoom : port.rest.length;
  }

  #slots(): number {
    return this.#chains.reduce((sum, chain) => sum + chain.slots, 0);
  }
}
