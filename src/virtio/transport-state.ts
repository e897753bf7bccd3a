/**
 * What all transports of virtio have in common (virtio 1.4 §2.1, §2.2, §2.6, §3.1): the device status, feature negotiation, and
 * where the queues are. How the driver reads and writes it is the business of mmio-transport.ts and pci-transport.ts; what a
 * device or a ring does is asked of a `DeviceEnd`, which may live in another thread or process.
 */
import {
  VIRTIO_CONFIG_S_ACKNOWLEDGE,
  VIRTIO_CONFIG_S_DRIVER,
  VIRTIO_CONFIG_S_DRIVER_OK,
  VIRTIO_CONFIG_S_FAILED,
  VIRTIO_CONFIG_S_FEATURES_OK,
  VIRTIO_CONFIG_S_NEEDS_RESET,
  VIRTIO_F_RING_RESET,
} from '../abi/virtio.ts';
import { GuestFault } from '../base/errors.ts';
import { FewTimes } from '../base/few-times.ts';
import type { GuestAddress } from '../base/range.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import { complaintAbout, hasFeature, type Offer, ringFeaturesOf } from './features.ts';
import { Virtqueue } from './queue.ts';
import { QueueRegisters, type QueueSetup } from './queue-registers.ts';

/** The feature words that exist: bits 0…127 (§2.2). */
const FEATURE_WORDS = 4;
const ALL_ONES = 0xffff_ffff;
/** A driver that breaks the rules and resets the device, over and over, must not fill the log. */
const FAULTS_LOGGED_MAX = 10;

/** The bits that a driver sets, in the order in which it must (§3.1.1). */
const DRIVER_BITS = [
  VIRTIO_CONFIG_S_ACKNOWLEDGE,
  VIRTIO_CONFIG_S_DRIVER,
  VIRTIO_CONFIG_S_FEATURES_OK,
  VIRTIO_CONFIG_S_DRIVER_OK,
  VIRTIO_CONFIG_S_FAILED,
] as const;
const DRIVER_MASK = DRIVER_BITS.reduce((mask, bit) => mask | bit, 0);

/** A device as its transport knows it. */
export interface DeviceDescription extends Offer {
  readonly id: number;
  readonly queueSizes: readonly number[];
  /** The config space at the start. */
  readonly config: Uint8Array;
  readonly sharedMemory: readonly SharedMemoryRegion[];
}

/** §2.10. */
export interface SharedMemoryRegion {
  readonly id: number;
  readonly base: GuestAddress;
  readonly size: number;
}

/** Where the device is, with its queues. `reset`, `stopQueue` and `writeConfig` have happened when they return. */
export interface DeviceEnd {
  activate(queues: readonly QueueSetup[], features: bigint): void;
  notify(index: number): void;
  reset(): void;
  stopQueue(index: number): void;
  startQueue(queue: QueueSetup): void;
  /** Returns the config space as it is after the write. */
  writeConfig(offset: number, bytes: Uint8Array): Uint8Array;
}

export interface TransportStateWorld {
  readonly end: DeviceEnd;
  readonly memory: GuestMemory;
  /** Shows the driver the status. */
  showStatus(status: number): void;
  /** DRIVER_OK was set: called before the device begins. */
  beforeStart(): void;
  /** A configuration change notification, for a driver that listens (§2.3). */
  notifyConfig(): void;
  log(message: string): void;
}

export class TransportState {
  readonly device: DeviceDescription;
  readonly queues: readonly QueueRegisters[];
  readonly #world: TransportStateWorld;
  #driverFeatures = 0n;
  #status = 0;
  #mistakeLogged = false;
  readonly #faults: FewTimes;

  constructor(device: DeviceDescription, world: TransportStateWorld) {
    this.device = device;
    this.#world = world;
    this.#faults = new FewTimes(FAULTS_LOGGED_MAX, (message) => world.log(message));
    this.queues = device.queueSizes.map((sizeMax, index) => new QueueRegisters(index, sizeMax));
  }

  /** The features that the driver accepted; none before FEATURES_OK. */
  get negotiated(): bigint {
    return this.has(VIRTIO_CONFIG_S_FEATURES_OK) ? this.#driverFeatures : 0n;
  }

  /** Bits 32 × `selected` and up of what the device offers. */
  deviceFeatures(selected: number): number {
    return featureWord(this.device.features, selected);
  }

  /** The same of what the driver has written. */
  driverFeatures(selected: number): number {
    return featureWord(this.#driverFeatures, selected);
  }

  writeDriverFeatures(selected: number, value: number): void {
    if (this.has(VIRTIO_CONFIG_S_FEATURES_OK)) return;
    if (selected < FEATURE_WORDS) {
      const shift = 32n * BigInt(selected);
      this.#driverFeatures = (this.#driverFeatures & ~(BigInt(ALL_ONES) << shift)) | (BigInt(value) << shift);
    } else if (value !== 0) {
      // A bit that nobody can offer: whatever it is, it lies above all that we compare with.
      this.#driverFeatures |= 1n << BigInt(32 * FEATURE_WORDS);
    }
  }

  /** §3.1.1, §2.1: bits are only added, in their order, until a reset takes all of them. 0 is the transport's business. */
  addStatus(value: number): void {
    const current = this.#status & DRIVER_MASK;
    if (this.has(VIRTIO_CONFIG_S_FAILED) || (value & current) !== current) return;
    for (const bit of DRIVER_BITS) {
      if ((value & ~current & bit) !== 0 && this.#maySet(bit)) this.#gain(bit);
    }
  }

  /** The device cannot go on: only a reset by the driver helps (§2.1.2). */
  needsReset(reason: string): void {
    if (this.#status === 0 || this.has(VIRTIO_CONFIG_S_NEEDS_RESET)) return;
    this.#faults.say(`${reason}: the device stops until its driver resets it`);
    this.#setStatus(this.#status | VIRTIO_CONFIG_S_NEEDS_RESET);
    this.#world.notifyConfig();
  }

  /** Everything that the driver has written is gone, and the device has stopped. */
  reset(): void {
    if (this.has(VIRTIO_CONFIG_S_DRIVER_OK)) this.#world.end.reset();
    this.#driverFeatures = 0n;
    for (const queue of this.queues) queue.reset();
    this.#setStatus(0);
  }

  /** The driver notifies queue `index`, or some number that is no queue. */
  notify(index: number): void {
    if (this.#isLive && this.queues[index]?.ready) this.#world.end.notify(index);
  }

  enableQueue(queue: QueueRegisters): void {
    if (queue.ready) return;
    const ringReset = hasFeature(this.negotiated, VIRTIO_F_RING_RESET);
    if (!this.has(VIRTIO_CONFIG_S_FEATURES_OK) || this.has(VIRTIO_CONFIG_S_NEEDS_RESET | VIRTIO_CONFIG_S_FAILED))
      return;
    if (this.has(VIRTIO_CONFIG_S_DRIVER_OK) && !ringReset) {
      this.#mistake(`The driver enables queue ${queue.index} after DRIVER_OK: ignored`);
      return;
    }
    try {
      this.#check(queue.setup);
    } catch (error) {
      if (!(error instanceof GuestFault)) throw error;
      this.needsReset(`Queue ${queue.index} cannot be used: ${error.message}`);
      return;
    }
    queue.ready = true;
    if (this.has(VIRTIO_CONFIG_S_DRIVER_OK)) this.#world.end.startQueue(queue.setup);
  }

  stopQueue(queue: QueueRegisters): void {
    if (!queue.ready) return;
    if (this.#isLive) this.#world.end.stopQueue(queue.index);
    queue.ready = false;
  }

  /** §2.6.1: our side of a queue reset is done at once. False where the driver may not ask for one. */
  resetQueue(queue: QueueRegisters): boolean {
    if (!hasFeature(this.negotiated, VIRTIO_F_RING_RESET)) return false;
    this.stopQueue(queue);
    queue.reset();
    return true;
  }

  /** A write of `size` bytes to the config space: all of it as it is then, or undefined where there is none. */
  writeConfig(offset: number, size: number, value: number): Uint8Array | undefined {
    if (offset + size > this.device.config.length) return undefined;
    const bytes = Uint8Array.from({ length: size }, (_, index) => (value >>> (8 * index)) & 0xff);
    return this.#world.end.writeConfig(offset, bytes);
  }

  /** Whether one of these status bits is set. */
  has(bits: number): boolean {
    return (this.#status & bits) !== 0;
  }

  #maySet(bit: number): boolean {
    switch (bit) {
      case VIRTIO_CONFIG_S_DRIVER:
        return this.has(VIRTIO_CONFIG_S_ACKNOWLEDGE);
      case VIRTIO_CONFIG_S_FEATURES_OK:
        return this.has(VIRTIO_CONFIG_S_DRIVER) && this.#featuresAreFine();
      case VIRTIO_CONFIG_S_DRIVER_OK:
        return this.has(VIRTIO_CONFIG_S_FEATURES_OK) && !this.has(VIRTIO_CONFIG_S_NEEDS_RESET);
      default:
        return true;
    }
  }

  #gain(bit: number): void {
    if (bit === VIRTIO_CONFIG_S_FAILED && this.has(VIRTIO_CONFIG_S_DRIVER_OK)) this.#world.end.reset();
    this.#setStatus(this.#status | bit);
    if (bit !== VIRTIO_CONFIG_S_DRIVER_OK) return;
    this.#world.beforeStart();
    const setups = this.queues.filter(({ ready }) => ready).map(({ setup }) => setup);
    this.#world.end.activate(setups, this.#driverFeatures);
  }

  #featuresAreFine(): boolean {
    const complaint = complaintAbout(this.#driverFeatures, this.device);
    if (complaint !== undefined) this.#mistake(`The driver accepts ${complaint}: refused`);
    return complaint === undefined;
  }

  /** A GuestFault where the ring cannot be: what the device would say once it tries, said while the driver listens. */
  #check({ index, ...places }: QueueSetup): void {
    const host = { interrupt: () => {}, starved: () => {}, spent: () => {}, now: () => 0 };
    new Virtqueue(this.#world.memory, { index, places, features: ringFeaturesOf(this.negotiated), host }).drop();
  }

  /** The device works, or would if it were asked to. */
  get #isLive(): boolean {
    return this.has(VIRTIO_CONFIG_S_DRIVER_OK) && !this.has(VIRTIO_CONFIG_S_NEEDS_RESET | VIRTIO_CONFIG_S_FAILED);
  }

  #setStatus(status: number): void {
    this.#status = status;
    this.#world.showStatus(status);
  }

  /** A driver repeats its mistakes; one line tells. */
  #mistake(message: string): void {
    if (this.#mistakeLogged) return;
    this.#mistakeLogged = true;
    this.#world.log(message);
  }
}

function featureWord(mask: bigint, selected: number): number {
  return selected < FEATURE_WORDS ? Number(BigInt.asUintN(32, mask >> BigInt(32 * selected))) : 0;
}
