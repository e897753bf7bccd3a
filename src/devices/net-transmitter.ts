/** The transmitting half of a queue pair (virtio 1.4 §5.1.6.2): frames go straight from the driver's buffers to a port. */

import { ETH_HLEN } from '../abi/tun.ts';
import { virtio_net_hdr_v1 } from '../abi/virtio-net.ts';
import { KiB } from '../base/units.ts';
import type { DescriptorChain } from '../virtio/chain.ts';
import type { IoLoop } from '../virtio/device.ts';
import type { Virtqueue } from '../virtio/queue.ts';
import type { RateLimit } from '../virtio/rate-limit.ts';
import { FRAME_BYTES_MAX, type NetworkPort, type Sent } from './network.ts';

/** A turn: the receiver and other devices wait no longer than this takes. */
const TURN_BYTES = 512 * KiB;
/** After so much the driver gets its buffers back while we go on; it is interrupted only if it waits for them. */
const SIGNAL_BYTES = 64 * KiB;

const HEADER_BYTES = virtio_net_hdr_v1.size;

export interface TransmitterOptions {
  readonly port: NetworkPort;
  /** Whether the port wants headers. */
  readonly hasHeaders: boolean;
  readonly limit: RateLimit;
  readonly loop: IoLoop;
  /** Whether `run` is to be called when the port can take a frame again. */
  watch(writable: boolean): void;
  closed(): void;
}

export class NetTransmitter {
  readonly #options: TransmitterOptions;
  readonly #retry = () => this.run();
  /** Bytes of a chain that are not for the port. */
  readonly #skip: number;
  #queue: Virtqueue | undefined;
  #isLinkUp = true;
  /** The frame that found the port full. */
  #waiting: DescriptorChain | undefined;
  frames = 0;
  bytes = 0;
  dropped = 0;

  constructor(options: TransmitterOptions) {
    this.#options = options;
    this.#skip = options.hasHeaders ? 0 : HEADER_BYTES;
  }

  start(queue: Virtqueue): void {
    this.#queue = queue;
  }

  stop(): void {
    this.#queue = undefined;
    if (this.#waiting) this.#options.port.cancel();
    this.#waiting = undefined;
    this.#options.limit.reset();
  }

  /** While the link is down, what the driver sends is lost. */
  setLink(isUp: boolean): void {
    this.#isLinkUp = isUp;
  }

  /** There may be frames, or room for them in the port. */
  run(): void {
    const queue = this.#queue;
    if (queue === undefined) return;
    const { limit, loop } = this.#options;
    let bytes = 0;
    let unsignalled = 0;
    while (limit.admits(this.#retry)) {
      if (bytes >= TURN_BYTES) {
        loop.defer(this.#retry);
        break;
      }
      const chain = this.#waiting ?? queue.pop();
      if (chain === undefined) break;
      if (!this.#send(chain)) {
        this.#waiting = chain;
        break;
      }
      this.#waiting = undefined;
      limit.spend(chain.readableLength);
      bytes += chain.readableLength;
      unsignalled += chain.readableLength;
      chain.complete(0);
      if (unsignalled >= SIGNAL_BYTES) {
        queue.signal();
        unsignalled = 0;
      }
    }
    queue.signal();
    this.#options.watch(this.#waiting !== undefined);
  }

  /** False when the port is full. What cannot be sent, or not as it is, is lost, as on a wire. */
  #send(chain: DescriptorChain): boolean {
    const sent = this.#isLinkUp ? this.#trySend(chain) : 'refused';
    if (sent === 'full') return false;
    if (sent === 'sent') {
      this.frames++;
      this.bytes += chain.readableLength - this.#skip;
    } else {
      if (chain === this.#waiting) this.#options.port.cancel();
      this.dropped++;
      if (sent === 'closed') this.#options.closed();
    }
    return true;
  }

  /** Refused are frames that are none, and those in more pieces than the table holds: no driver makes such. */
  #trySend(chain: DescriptorChain): Sent {
    const frameBytes = chain.readableLength - HEADER_BYTES;
    if (frameBytes < ETH_HLEN || frameBytes > FRAME_BYTES_MAX) return 'refused';
    const { port } = this.#options;
    const length = chain.readableLength - this.#skip;
    const table = port.begin();
    const before = table.byteLength;
    chain.readableIovecs(table, this.#skip, length);
    return table.byteLength - before === length ? port.send(length) : 'refused';
  }
}
