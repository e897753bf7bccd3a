/**
 * The one queue of a network card that is ours where another process serves the others: back-ends have no control queue. It is
 * hosted as a device of ours is, on the kick that KVM has for it.
 */
import { controlQueueIndex } from '../devices/net-control.ts';
import { NetSteering } from '../devices/net-steering.ts';
import type { EventFd } from '../host/eventfd.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import { QueueCounters } from '../virtio/queue-counters.ts';
import type { QueueSetup } from '../virtio/queue-registers.ts';
import { DeviceHost } from './device-host.ts';
import { GuardedLoop } from './guarded-loop.ts';
import type { EpollLoop } from './io-loop.ts';

interface Options {
  readonly pairs: number;
  readonly loop: EpollLoop;
  readonly memory: GuestMemory;
  /** Queue `index` is the control queue. */
  interrupt(index: number): void;
  /** The driver broke the specification. */
  faulted(reason: string): void;
  /** The driver uses so many pairs; calls `done` once it is so. */
  usePairs(pairs: number, done: () => void): void;
}

export class ServedControl implements Disposable {
  readonly #options: Options;
  readonly #host: DeviceHost;
  #index = 0;
  #queues: readonly QueueSetup[] = [];
  #features = 0n;
  #watch: Disposable | undefined;

  constructor(options: Options) {
    this.#options = options;
    const { pairs, memory, interrupt, faulted, usePairs } = options;
    const loop = new GuardedLoop(options.loop);
    const device = new NetSteering({ pairs, loop, usePairs });
    const counters = device.queueSizes.map(() => new QueueCounters());
    this.#host = new DeviceHost(device, { loop, memory, counters, interrupt, faulted });
  }

  /** What the driver has set up. Returns the queues of it that are the back-end's; `activate` follows. */
  take(queues: readonly QueueSetup[], features: bigint): readonly QueueSetup[] {
    this.#index = controlQueueIndex(this.#options.pairs, features);
    this.#queues = queues.filter(({ index }) => index === this.#index);
    this.#features = features;
    return queues.filter(({ index }) => index < this.#index);
  }

  activate(kicks: readonly EventFd[]): void {
    this.rewire(kicks);
    this.#host.activate(this.#queues, this.#features);
  }

  /** There are other eventfds from now on. What the driver has said to the old ones is looked at. */
  rewire(kicks: readonly EventFd[]): void {
    this.#watch?.[Symbol.dispose]();
    const index = this.#index;
    const kick = kicks[index]!;
    this.#watch = this.#options.loop.watchSignals(kick.number, () => this.#host.kicked(index));
    kick.signal();
  }

  /** Stops queue `index`, if it is this one. */
  stopQueue(index: number): boolean {
    if (index !== this.#index) return false;
    this.reset();
    return true;
  }

  reset(): void {
    this.#watch?.[Symbol.dispose]();
    this.#watch = undefined;
    this.#host.reset();
  }

  [Symbol.dispose](): void {
    this.reset();
    this.#host[Symbol.dispose]();
  }
}
