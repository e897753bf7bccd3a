/**
 * Runs one device: makes its queues, gives them turns, and contains what the guest does wrong. A turn is bounded, and a
 * queue that has more gets its next one after everybody else in the loop had theirs.
 */
import type { GuestFault } from '../base/errors.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import type { QueueWires, VirtioDevice } from '../virtio/device.ts';
import { ringFeaturesOf } from '../virtio/features.ts';
import { type QueueNotes, Virtqueue, type WriteLog } from '../virtio/queue.ts';
import type { QueueCounters } from '../virtio/queue-counters.ts';
import type { QueueSetup } from '../virtio/queue-registers.ts';
import type { RingPosition, RingStand } from '../virtio/ring.ts';
import type { GuardedLoop } from './guarded-loop.ts';
import type { IdleQueue } from './idle-queues.ts';

/** Chains of one queue in one turn. */
const TURN_CHAINS = 128;

export interface DeviceHostWorld {
  readonly loop: GuardedLoop;
  readonly memory: GuestMemory;
  /** One for each queue. */
  readonly counters: readonly QueueCounters[];
  /** A queue is empty: it is looked at for a while, then told to sleep. Without this it is told so in the next turn. */
  idle?(queue: IdleQueue): void;
  /** Interrupts the driver for used buffers of queue `index`. */
  interrupt(index: number): void;
  /** What the device may hand to somebody else, where notifications need nothing but these; and that it has, or has no longer. */
  wires?(index: number): QueueWires | undefined;
  delegated?(index: number, isDelegated: boolean): void;
  /** The guest broke the specification: the device has been reset, and needs its driver to begin anew. */
  faulted(reason: string): void;
}

/** A queue to be run; perhaps one that was run before, here or in another process. */
export interface HostedQueue extends QueueSetup {
  readonly start?: RingPosition | undefined;
  readonly notes?: QueueNotes | undefined;
  readonly log?: WriteLog | undefined;
}

export class DeviceHost implements Disposable {
  readonly #device: VirtioDevice;
  readonly #world: DeviceHostWorld;
  readonly #queues: (Virtqueue | undefined)[];
  /** Queues that get another turn, or are looked at, without a kick: its notifications are off. */
  readonly #isAwake: boolean[];
  readonly #idle: readonly IdleQueue[];
  /** Queues that somebody else serves. */
  readonly #delegated = new Set<number>();
  #features = 0n;

  constructor(device: VirtioDevice, world: DeviceHostWorld) {
    this.#device = device;
    this.#world = world;
    this.#queues = device.queueSizes.map(() => undefined);
    this.#isAwake = device.queueSizes.map(() => false);
    this.#idle = device.queueSizes.map((_, index) => ({
      hasWork: () => this.#queues[index]?.hasWork() ?? false,
      wake: () => this.#serveAgain(index),
      sleep: () => this.#sleep(index),
    }));
    world.loop.onFault = (fault) => this.#fault(fault);
  }

  /** DRIVER_OK. Every queue is notified at once: kicks may have come before. */
  activate(setups: readonly HostedQueue[], features: bigint): void {
    this.#world.loop.guard(() => {
      this.#features = features;
      for (const setup of setups) this.#queues[setup.index] = this.#takeQueue(setup);
      this.#device.activate(this.#queues.slice(), features);
      for (const { index } of setups) this.#serve(index);
    });
  }

  /** The driver's notification of queue `index` has arrived. */
  kicked(index: number): void {
    const queue = this.#queues[index];
    if (queue === undefined) return;
    queue.kicked();
    if (!this.#isAwake[index]) this.#world.loop.guard(() => this.#serve(index));
  }

  reset(): void {
    this.#device.reset();
    for (const index of this.#queues.keys()) this.#drop(index);
  }

  stopQueue(index: number): void {
    this.#device.stopQueue?.(index);
    this.#drop(index);
  }

  /**
   * Stops what goes on later: what the device has begun it finishes, and what it keeps (buffers for what arrives) counts as
   * not taken. Where each queue stands, by its index.
   */
  suspend(): ReadonlyMap<number, RingStand> {
    this.#device.finish?.();
    this.#device.reset();
    return new Map([...this.#queues.keys()].flatMap((index) => this.#setAside(index)));
  }

  /** The same for one queue of a device that can stop one. */
  suspendQueue(index: number): RingStand | undefined {
    this.#device.finish?.();
    this.#device.stopQueue?.(index);
    return this.#setAside(index)[0]?.[1];
  }

  startQueue(setup: HostedQueue): void {
    this.#world.loop.guard(() => {
      const queue = this.#takeQueue(setup);
      this.#queues[setup.index] = queue;
      if (queue) this.#device.startQueue?.(setup.index, queue);
      this.#serve(setup.index);
    });
  }

  writeConfig(offset: number, bytes: Uint8Array): void {
    this.#world.loop.guard(() => this.#device.writeConfig?.(offset, bytes));
  }

  /** Nothing when the device has it served by somebody else; a ring of ours would accept it all the same. */
  #takeQueue(setup: HostedQueue): Virtqueue | undefined {
    const { index } = setup;
    const queue = this.#createQueue(setup);
    const wires = this.#world.wires?.(index);
    if (wires === undefined || !this.#device.delegate?.(setup, this.#features, wires)) return queue;
    this.#delegated.add(index);
    this.#world.delegated?.(index, true);
    return undefined;
  }

  #createQueue({ index, start, notes, log, ...places }: HostedQueue): Virtqueue {
    const { loop, memory, counters, interrupt } = this.#world;
    return new Virtqueue(memory, {
      ...{ index, places, start, notes, log },
      features: ringFeaturesOf(this.#features),
      counters: counters[index],
      host: {
        interrupt: () => interrupt(index),
        now: () => loop.nowMs,
        starved: () => this.#stayAwake(index, () => this.#beIdle(this.#idle[index]!)),
        spent: () => this.#stayAwake(index, () => loop.defer(() => this.#serveAgain(index))),
      },
    });
  }

  /** A turn of queue `index`. */
  #serve(index: number): void {
    const queue = this.#queues[index];
    if (queue === undefined) return;
    queue.beginTurn(TURN_CHAINS);
    this.#device.notify(index);
  }

  /** The queue goes on by itself, as `how` says. */
  #stayAwake(index: number, how: () => void): void {
    if (this.#isAwake[index]) return;
    this.#isAwake[index] = true;
    how();
  }

  #beIdle(queue: IdleQueue): void {
    if (this.#world.idle) this.#world.idle(queue);
    else this.#world.loop.defer(() => queue.sleep());
  }

  #serveAgain(index: number): void {
    this.#isAwake[index] = false;
    this.#world.loop.guard(() => this.#serve(index));
  }

  /** From here on the driver notifies. What it made available just before gets its turn. */
  #sleep(index: number): void {
    this.#isAwake[index] = false;
    if (this.#queues[index]?.arm()) this.#world.loop.guard(() => this.#serve(index));
  }

  /** What the device holds it holds in order, so all before the used index is done and nothing after it. */
  #setAside(index: number): readonly [number, RingStand][] {
    const queue = this.#queues[index];
    if (queue === undefined) return [];
    queue.signal();
    this.#drop(index);
    const { used } = queue.position;
    return [[index, { avail: used, used }]];
  }

  #drop(index: number): void {
    this.#queues[index]?.drop();
    this.#queues[index] = undefined;
    if (this.#delegated.delete(index)) this.#world.delegated?.(index, false);
  }

  #fault({ message }: GuestFault): void {
    this.reset();
    this.#world.faulted(message);
  }

  [Symbol.dispose](): void {
    this.reset();
    this.#device[Symbol.dispose]();
  }
}
