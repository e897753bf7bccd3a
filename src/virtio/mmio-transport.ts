/**
 * The virtio-mmio transport (virtio 1.4 §4.2, version 2): the device status, feature negotiation, and where the queues are.
 * It knows no device and no ring; what those do is asked of a `DeviceEnd`, which may live in another thread or process.
 *
 * What the guest reads is kept in one page of bytes, current after every write. So reads need no code of their own, and
 * the page can be a memory slot that the guest reads without leaving (docs/architecture.md, "Register pages").
 */
import {
  VIRTIO_CONFIG_S_ACKNOWLEDGE,
  VIRTIO_CONFIG_S_DRIVER,
  VIRTIO_CONFIG_S_DRIVER_OK,
  VIRTIO_CONFIG_S_FAILED,
  VIRTIO_CONFIG_S_FEATURES_OK,
  VIRTIO_CONFIG_S_NEEDS_RESET,
  VIRTIO_F_RING_RESET,
  VIRTIO_MMIO_INT_CONFIG,
  VIRTIO_MMIO_INT_VRING,
} from '../abi/virtio.ts';
import { GuestFault } from '../base/errors.ts';
import { FewTimes } from '../base/few-times.ts';
import type { GuestAddress } from '../base/range.ts';
import type { AccessSize, MmioDevice } from '../bus/mmio-device.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import { complaintAbout, hasFeature, type Offer, ringFeaturesOf } from './features.ts';
import { MAGIC, REGISTER_BYTES, Reg, VENDOR, VERSION } from './mmio-registers.ts';
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
  /** Interrupts the driver; what for, InterruptStatus says. */
  interrupt(): void;
}

export interface MmioTransportWorld {
  readonly name: string;
  /** ≥ REGISTER_BYTES, zeroed; whoever uses buffers sets bit 0 of its InterruptStatus, with Atomics, if `strict`. */
  readonly page: ArrayBuffer;
  /** Whether InterruptStatus is exact. Otherwise bit 0 reads 1 while DRIVER_OK, and acknowledging it does nothing. */
  readonly strict: boolean;
  readonly end: DeviceEnd;
  /** Does `change` to the page while the guest cannot read it: its reads wait for the next exit. */
  atomically(change: () => void): void;
  /** Called after other changes to the page, before the guest is made to look. */
  publish(): void;
  readonly memory: GuestMemory;
  log(message: string): void;
}

export class MmioTransport implements MmioDevice {
  readonly name: string;
  readonly #device: DeviceDescription;
  readonly #world: MmioTransportWorld;
  readonly #registers: Uint32Array;
  readonly #interruptStatus: Int32Array;
  readonly #bytes: DataView;
  readonly #config: Uint8Array;
  readonly #queues: readonly QueueRegisters[];
  #deviceFeaturesSel = 0;
  #driverFeaturesSel = 0;
  #driverFeatures = 0n;
  #queueSel = 0;
  #shmSel = 0;
  #status = 0;
  #mistakeLogged = false;
  readonly #faults: FewTimes;

  constructor(device: DeviceDescription, world: MmioTransportWorld) {
    this.name = world.name;
    this.#device = device;
    this.#world = world;
    this.#faults = new FewTimes(FAULTS_LOGGED_MAX, (message) => world.log(message));
    this.#registers = new Uint32Array(world.page, 0, Reg.Config / 4);
    this.#interruptStatus = new Int32Array(world.page, Reg.InterruptStatus, 1);
    this.#bytes = new DataView(world.page, 0, REGISTER_BYTES);
    this.#config = new Uint8Array(world.page, Reg.Config, device.config.length);
    this.#config.set(device.config);
    this.#queues = device.queueSizes.map((sizeMax, index) => new QueueRegisters(index, sizeMax));
    this.#show(Reg.MagicValue, MAGIC);
    this.#show(Reg.Version, VERSION);
    this.#show(Reg.DeviceID, device.id);
    this.#show(Reg.VendorID, VENDOR);
    this.#clear();
  }

  /** The features that the driver accepted; none before FEATURES_OK. */
  get negotiated(): bigint {
    return this.#has(VIRTIO_CONFIG_S_FEATURES_OK) ? this.#driverFeatures : 0n;
  }

  /** §4.2.2.2: registers are read as aligned words, the config space at any width. Other reads give 0. */
  read(offset: number, size: AccessSize): number {
    if (offset + size > REGISTER_BYTES) return 0;
    if (offset < Reg.Config && (size !== 4 || offset % 4 !== 0)) return 0;
    if (size === 4) return this.#bytes.getUint32(offset, true);
    return size === 2 ? this.#bytes.getUint16(offset, true) : this.#bytes.getUint8(offset);
  }

  write(offset: number, size: AccessSize, value: number): void {
    if (offset >= Reg.Config) this.#writeConfig(offset - Reg.Config, size, value);
    else if (size === 4 && offset % 4 === 0) this.#writeRegister(offset, value);
    this.#world.publish();
  }

  /** The device changed its config space by itself: shows all of it at once, and tells the driver (§2.5.3, §2.3). */
  configChanged(config: Uint8Array): void {
    this.#world.atomically(() => {
      this.#config.set(config);
      this.#registers[Reg.ConfigGeneration / 4]!++;
    });
    this.#notifyConfig();
  }

  /** The device cannot go on: only a reset by the driver helps (§2.1.2). */
  needsReset(reason: string): void {
    if (this.#status === 0 || this.#has(VIRTIO_CONFIG_S_NEEDS_RESET)) return;
    this.#faults.say(`${reason}: the device stops until its driver resets it`);
    this.#setStatus(this.#status | VIRTIO_CONFIG_S_NEEDS_RESET);
    this.#notifyConfig();
  }

  /** What the driver asks for by writing 0 to Status, and a reboot of the guest. */
  reset(): void {
    if (this.#has(VIRTIO_CONFIG_S_DRIVER_OK)) this.#world.end.reset();
    this.#clear();
  }

  #writeRegister(offset: number, value: number): void {
    switch (offset) {
      case Reg.DeviceFeaturesSel:
        this.#deviceFeaturesSel = value;
        this.#show(Reg.DeviceFeatures, featureWord(this.#device.features, value));
        return;
      case Reg.DriverFeaturesSel:
        this.#driverFeaturesSel = value;
        return;
      case Reg.DriverFeatures:
        this.#writeDriverFeatures(value);
        return;
      case Reg.QueueSel:
        this.#queueSel = value;
        this.#showQueue();
        return;
      case Reg.QueueNotify:
        if (this.#isLive && this.#queues[value]?.ready) this.#world.end.notify(value);
        return;
      case Reg.InterruptACK:
        this.#acknowledge(value);
        return;
      case Reg.Status:
        this.#writeStatus(value);
        return;
      case Reg.SHMSel:
        this.#shmSel = value;
        this.#showSharedMemory();
        return;
      default: {
        const queue = this.#queues[this.#queueSel];
        if (queue) this.#writeQueue(queue, offset, value);
      }
    }
  }

  /** Registers of the queue that QueueSel selects. */
  #writeQueue(queue: QueueRegisters, offset: number, value: number): void {
    if (offset === Reg.QueueReady) this.#writeQueueReady(queue, value);
    else if (offset === Reg.QueueReset) this.#writeQueueReset(queue, value);
    // §4.2.2.2: the driver must not access these while the queue is ready.
    else if (!queue.ready) queue.write(offset, value);
  }

  #writeDriverFeatures(value: number): void {
    if (this.#has(VIRTIO_CONFIG_S_FEATURES_OK)) return;
    const selected = BigInt(this.#driverFeaturesSel);
    if (this.#driverFeaturesSel < FEATURE_WORDS) {
      const others = this.#driverFeatures & ~(BigInt(ALL_ONES) << (32n * selected));
      this.#driverFeatures = others | (BigInt(value) << (32n * selected));
    } else if (value !== 0) {
      // A bit that nobody can offer: whatever it is, it lies above all that we compare with.
      this.#driverFeatures |= 1n << BigInt(32 * FEATURE_WORDS);
    }
  }

  /** §3.1.1, §2.1: bits are only added, in their order, until a reset takes all of them. */
  #writeStatus(value: number): void {
    if (value === 0) {
      this.reset();
      return;
    }
    const current = this.#status & DRIVER_MASK;
    if (this.#has(VIRTIO_CONFIG_S_FAILED) || (value & current) !== current) return;
    for (const bit of DRIVER_BITS) {
      if ((value & ~current & bit) !== 0 && this.#maySet(bit)) this.#gain(bit);
    }
  }

  #maySet(bit: number): boolean {
    switch (bit) {
      case VIRTIO_CONFIG_S_DRIVER:
        return this.#has(VIRTIO_CONFIG_S_ACKNOWLEDGE);
      case VIRTIO_CONFIG_S_FEATURES_OK:
        return this.#has(VIRTIO_CONFIG_S_DRIVER) && this.#featuresAreFine();
      case VIRTIO_CONFIG_S_DRIVER_OK:
        return this.#has(VIRTIO_CONFIG_S_FEATURES_OK) && !this.#has(VIRTIO_CONFIG_S_NEEDS_RESET);
      default:
        return true;
    }
  }

  #gain(bit: number): void {
    if (bit === VIRTIO_CONFIG_S_FAILED && this.#has(VIRTIO_CONFIG_S_DRIVER_OK)) this.#world.end.reset();
    this.#setStatus(this.#status | bit);
    if (bit !== VIRTIO_CONFIG_S_DRIVER_OK) return;
    if (!this.#world.strict) Atomics.or(this.#interruptStatus, 0, VIRTIO_MMIO_INT_VRING);
    const setups = this.#queues.filter(({ ready }) => ready).map(({ setup }) => setup);
    this.#world.end.activate(setups, this.#driverFeatures);
  }

  #featuresAreFine(): boolean {
    const complaint = complaintAbout(this.#driverFeatures, this.#device);
    if (complaint !== undefined) this.#mistake(`The driver accepts ${complaint}: refused`);
    return complaint === undefined;
  }

  #writeQueueReady(queue: QueueRegisters, value: number): void {
    if (value === 0) this.#stopQueue(queue);
    else if (value === 1 && !queue.ready) this.#startQueue(queue);
    this.#showQueue();
  }

  #startQueue(queue: QueueRegisters): void {
    const ringReset = hasFeature(this.negotiated, VIRTIO_F_RING_RESET);
    if (!this.#has(VIRTIO_CONFIG_S_FEATURES_OK) || this.#has(VIRTIO_CONFIG_S_NEEDS_RESET | VIRTIO_CONFIG_S_FAILED))
      return;
    if (this.#has(VIRTIO_CONFIG_S_DRIVER_OK) && !ringReset) {
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
    if (this.#has(VIRTIO_CONFIG_S_DRIVER_OK)) this.#world.end.startQueue(queue.setup);
  }

  /** A GuestFault where the ring cannot be: what the device would say once it tries, said while the driver listens. */
  #check({ index, ...places }: QueueSetup): void {
    const host = { interrupt: () => {}, starved: () => {}, spent: () => {}, now: () => 0 };
    new Virtqueue(this.#world.memory, { index, places, features: ringFeaturesOf(this.negotiated), host }).drop();
  }

  #stopQueue(queue: QueueRegisters): void {
    if (!queue.ready) return;
    if (this.#isLive) this.#world.end.stopQueue(queue.index);
    queue.ready = false;
  }

  /** §2.6.1, §4.2.2.1: our side of a queue reset is done at once, so QueueReset never reads 1. */
  #writeQueueReset(queue: QueueRegisters, value: number): void {
    if (value !== 1 || !hasFeature(this.negotiated, VIRTIO_F_RING_RESET)) return;
    this.#stopQueue(queue);
    queue.reset();
    this.#showQueue();
  }

  #acknowledge(value: number): void {
    const mask = this.#world.strict ? VIRTIO_MMIO_INT_VRING | VIRTIO_MMIO_INT_CONFIG : VIRTIO_MMIO_INT_CONFIG;
    Atomics.and(this.#interruptStatus, 0, ~(value & mask));
  }

  #writeConfig(offset: number, size: AccessSize, value: number): void {
    if (offset + size > this.#config.length) return;
    const bytes = Uint8Array.from({ length: size }, (_, index) => (value >>> (8 * index)) & 0xff);
    this.#config.set(this.#world.end.writeConfig(offset, bytes));
  }

  /** A configuration change notification. There is nobody to tell before DRIVER_OK. */
  #notifyConfig(): void {
    const listens = this.#has(VIRTIO_CONFIG_S_DRIVER_OK);
    if (listens) Atomics.or(this.#interruptStatus, 0, VIRTIO_MMIO_INT_CONFIG);
    this.#world.publish();
    if (listens) this.#world.end.interrupt();
  }

  /** The device works, or would if it were asked to. */
  get #isLive(): boolean {
    return this.#has(VIRTIO_CONFIG_S_DRIVER_OK) && !this.#has(VIRTIO_CONFIG_S_NEEDS_RESET | VIRTIO_CONFIG_S_FAILED);
  }

  /** Whether one of these status bits is set. */
  #has(bits: number): boolean {
    return (this.#status & bits) !== 0;
  }

  #setStatus(status: number): void {
    this.#status = status;
    this.#show(Reg.Status, status);
  }

  /** §4.2.2.1: everything that the driver has written; ConfigGeneration counts on. */
  #clear(): void {
    this.#deviceFeaturesSel = 0;
    this.#driverFeaturesSel = 0;
    this.#driverFeatures = 0n;
    this.#queueSel = 0;
    this.#shmSel = 0;
    for (const queue of this.#queues) queue.reset();
    this.#setStatus(0);
    this.#show(Reg.DeviceFeatures, featureWord(this.#device.features, this.#deviceFeaturesSel));
    Atomics.store(this.#interruptStatus, 0, 0);
    this.#showQueue();
    this.#showSharedMemory();
  }

  #showQueue(): void {
    const queue = this.#queues[this.#queueSel];
    this.#show(Reg.QueueSizeMax, queue?.sizeMax ?? 0);
    this.#show(Reg.QueueReady, queue?.ready ? 1 : 0);
  }

  /** §4.2.2.1: a region that does not exist has the length -1. */
  #showSharedMemory(): void {
    const region = this.#device.sharedMemory.find(({ id }) => id === this.#shmSel);
    this.#show64(Reg.SHMLenLow, region?.size);
    this.#show64(Reg.SHMBaseLow, region?.base);
  }

  #show(register: number, value: number): void {
    this.#registers[register / 4] = value;
  }

  #show64(low: number, value: number | undefined): void {
    this.#show(low, value === undefined ? ALL_ONES : value % 2 ** 32);
    this.#show(low + 4, value === undefined ? ALL_ONES : Math.floor(value / 2 ** 32));
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
