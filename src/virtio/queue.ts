/**
 * A virtqueue (virtio 1.4 §2.6) as a device and its host see it, whatever the ring's format.
 *
 * A device pops chains, completes them in any order and signals once for many: only then the driver sees them. The host gives it turns: `beginTurn` says how
 * much it may pop. A pop that finds nothing leaves the queue *starved* (the ring is empty: the host looks again for a while,
 * then arms it and sleeps) or *spent* (the turn is over: the host gives another after everybody else had theirs). A queue
 * in which a device leaves buffers on purpose is neither, and its driver is not asked to notify.
 */
import { GuestFault } from '../base/errors.ts';
import type { GuestAddress } from '../base/range.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import { type ChainOwner, DescriptorChain } from './chain.ts';
import { CompletionOrder } from './completion-order.ts';
import { PACKED_START, PackedRing } from './packed-ring.ts';
import { QueueCounters } from './queue-counters.ts';
import type { QueuePlaces, Ring, RingFeatures, RingPosition, RingStand } from './ring.ts';
import { SplitRing } from './split-ring.ts';

/** So many descriptors cost as much of a turn as one chain more: a chain of 1024 is work too. */
const DESCRIPTORS_PER_CHAIN_LOG2 = 5;

/** What a queue tells its host. */
export interface QueueHost {
  /** The driver wants an interrupt for used buffers. */
  interrupt(): void;
  /** A pop found the ring empty, for the first time since the turn began. */
  starved(): void;
  /** A pop found the turn's budget spent, for the first time since the turn began. */
  spent(): void;
  /** Milliseconds of a steady clock. */
  now(): number;
}

/**
 * Notes of what the device has in hand, for whoever goes on when this process is gone. Chains are named by the heads of a
 * split ring.
 */
export interface QueueNotes {
  /** A chain was popped. */
  taken(head: number): void;
  /** A chain is about to be shown to the driver as used. */
  given(head: number): void;
  /** The driver can see all that were given; used.idx is `usedIdx` now. */
  published(usedIdx: number): void;
}

/** Notes of the guest memory that is written here, for who copies it meanwhile. */
export interface WriteLog {
  /** Somebody wants them. */
  readonly isOn: boolean;
  /** So many bytes of a buffer may have been written, before this. */
  wrote(address: GuestAddress, length: number): void;
  /** The device's part of the ring was. */
  wroteRing(): void;
}

export interface QueueOptions {
  readonly index: number;
  readonly places: QueuePlaces;
  readonly features: RingFeatures;
  readonly host: QueueHost;
  /** Where the ring goes on; a new one begins at its start. */
  readonly start?: RingPosition | undefined;
  readonly counters?: QueueCounters | undefined;
  readonly notes?: QueueNotes | undefined;
  readonly log?: WriteLog | undefined;
}

export class Virtqueue implements ChainOwner {
  readonly index: number;
  readonly size: number;
  readonly counters: QueueCounters;
  readonly #memory: GuestMemory;
  readonly #host: QueueHost;
  readonly #ring: Ring;
  readonly #notes: QueueNotes | undefined;
  readonly #log: WriteLog | undefined;
  /** With VIRTIO_F_IN_ORDER. */
  readonly #order: CompletionOrder | undefined;
  /** Chains that no device holds. */
  readonly #pool: DescriptorChain[] = [];
  /** Ring entries of chains that are held: a driver that keeps the rules never has more than `size` outstanding. */
  #slotsHeld = 0;
  #budget = Number.POSITIVE_INFINITY;
  #starved = false;
  #spent = false;
  /** The driver was asked to notify: so it is when a queue begins. */
  #armed = true;
  #dropped = false;
  #hasUnsignalled = false;
  /** When the kick arrived that no chain was given back for yet; 0 for none. */
  #kickedAt = 0;

  /** A GuestFault when the driver has put the queue where it cannot be. */
  constructor(memory: GuestMemory, options: QueueOptions) {
    const { index, places, features, host, start, counters, notes, log } = options;
    this.index = index;
    this.size = places.size;
    this.counters = counters ?? new QueueCounters();
    this.#memory = memory;
    this.#host = host;
    this.#notes = notes;
    this.#log = log;
    this.#order = features.inOrder ? new CompletionOrder(places.size) : undefined;
    this.#ring = createRing(memory, places, features, start);
  }

  // ── the device's side ──

  /** The next chain, copied and checked; a GuestFault when it is malformed. Nothing when the ring is empty or the turn over. */
  pop(): DescriptorChain | undefined {
    if (this.#dropped) return undefined;
    if (this.#budget <= 0) {
      if (!this.#spent) {
        this.#spent = true;
        this.#host.spent();
      }
      return undefined;
    }
    const chain = this.#pool.pop() ?? new DescriptorChain(this.#memory, this);
    const descriptors = this.#ring.pop(chain);
    if (descriptors === 0) {
      this.#pool.push(chain);
      if (!this.#starved) {
        this.#starved = true;
        this.#host.starved();
      }
      return undefined;
    }
    this.#slotsHeld += chain.slots;
    if (this.#slotsHeld > this.size) throw new GuestFault(`more than ${this.size} buffers are available at once`);
    this.#order?.add(chain);
    this.#notes?.taken(chain.id);
    this.#starved = false;
    this.#budget -= 1 + (descriptors >> DESCRIPTORS_PER_CHAIN_LOG2);
    return chain;
  }

  /** Shows the driver what was completed since the last call, and interrupts it if it wants that. */
  signal(): void {
    if (!this.#hasUnsignalled || this.#dropped) return;
    this.#hasUnsignalled = false;
    const wantsInterrupt = this.#ring.publish();
    this.#logRing();
    this.#notes?.published(this.#ring.position.used);
    if (wantsInterrupt) {
      this.counters.addInterrupt();
      this.#host.interrupt();
    }
    if (this.#kickedAt > 0) {
      this.counters.addKickToUsed(this.#host.now() - this.#kickedAt);
      this.#kickedAt = 0;
    }
  }

  /** For the chain: it is done. */
  completed(chain: DescriptorChain): void {
    if (this.#dropped) return;
    if (this.#order === undefined) this.#push(chain);
    else for (let next = this.#order.takeCompleted(); next; next = this.#order.takeCompleted()) this.#push(next);
  }

  // ── the host's side ──

  /** The driver has kicked. */
  kicked(): void {
    this.counters.addKick();
    if (this.#kickedAt === 0) this.#kickedAt = this.#host.now();
  }

  /** Lets the device pop about `budget` chains, and asks the driver not to notify meanwhile. */
  beginTurn(budget: number): void {
    this.#budget = budget;
    this.#starved = false;
    this.#spent = false;
    if (this.#armed && !this.#dropped) {
      this.#ring.disableNotifications();
      this.#logRing();
    }
    this.#armed = false;
  }

  /** The last pop found the ring empty. */
  get isStarved(): boolean {
    return this.#starved;
  }

  /** The last pop found the turn's budget spent. */
  get isSpent(): boolean {
    return this.#spent;
  }

  /** Whether there is a buffer to pop: one look at memory, cheap enough to poll. */
  hasWork(): boolean {
    return !this.#dropped && this.#ring.hasBuffers();
  }

  /** Asks the driver to notify, then looks again: true when something arrived meanwhile, so that the device has to be told. */
  arm(): boolean {
    if (this.#dropped) return false;
    this.#ring.enableNotifications();
    this.#logRing();
    this.#armed = true;
    return this.#ring.hasBuffers();
  }

  /** How far the ring has come, for whoever goes on with it: after a `signal`. */
  get position(): RingStand {
    return this.#ring.position;
  }

  /** Ring entries of buffers that the device holds. */
  get held(): number {
    return this.#slotsHeld;
  }

  /** Lets go of the ring: from here on guest memory is not touched, and what is still completed goes nowhere. */
  drop(): void {
    this.#dropped = true;
  }

  #push(chain: DescriptorChain): void {
    this.#slotsHeld -= chain.slots;
    this.#notes?.given(chain.id);
    if (this.#log?.isOn) chain.logWritable(this.#log);
    this.#ring.push(chain);
    this.#hasUnsignalled = true;
    this.counters.addChain(chain.readableLength, chain.used);
    this.#pool.push(chain);
  }

  #logRing(): void {
    if (this.#log?.isOn) this.#log.wroteRing();
  }
}

function createRing(
  memory: GuestMemory,
  places: QueuePlaces,
  features: RingFeatures,
  start: RingPosition | undefined,
): Ring {
  if (features.packed) return new PackedRing(memory, places, features, start ?? PACKED_START);
  return new SplitRing(memory, places, features, start ?? { avail: 0, used: 0 });
}
