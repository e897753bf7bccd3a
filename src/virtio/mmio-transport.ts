/**
 * The virtio-mmio transport (virtio 1.4 §4.2, version 2): its registers, and what they do to a TransportState.
 *
 * What the guest reads is kept in one page of bytes, current after every write. So reads need no code of their own, and
 * the page can be a memory slot that the guest reads without leaving (docs/architecture.md, "Register pages").
 */
import { VIRTIO_CONFIG_S_DRIVER_OK, VIRTIO_MMIO_INT_CONFIG, VIRTIO_MMIO_INT_VRING } from '../abi/virtio.ts';
import type { AccessSize, MmioDevice } from '../bus/mmio-device.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import { MAGIC, REGISTER_BYTES, Reg, VENDOR, VERSION } from './mmio-registers.ts';
import type { QueueRegisters } from './queue-registers.ts';
import { type DeviceDescription, type DeviceEnd, TransportState } from './transport-state.ts';

const ALL_ONES = 0xffff_ffff;

/** The registers of a queue's addresses, as the halves stand in QueueRegisters. */
const QUEUE_ADDRESSES: readonly number[] = [
  ...[Reg.QueueDescLow, Reg.QueueDescHigh],
  ...[Reg.QueueDriverLow, Reg.QueueDriverHigh],
  ...[Reg.QueueDeviceLow, Reg.QueueDeviceHigh],
];

/** A device with its transport's one interrupt. */
export interface MmioDeviceEnd extends DeviceEnd {
  /** Interrupts the driver; what for, InterruptStatus says. */
  interrupt(): void;
}

export interface MmioTransportWorld {
  readonly name: string;
  /** ≥ REGISTER_BYTES, zeroed; whoever uses buffers sets bit 0 of its InterruptStatus, with Atomics, if `strict`. */
  readonly page: ArrayBuffer;
  /** Whether InterruptStatus is exact. Otherwise bit 0 reads 1 while DRIVER_OK, and acknowledging it does nothing. */
  readonly strict: boolean;
  readonly end: MmioDeviceEnd;
  /** Does `change` to the page while the guest cannot read it: its reads wait for the next exit. */
  atomically(change: () => void): void;
  /** Called after other changes to the page, before the guest is made to look. */
  publish(): void;
  readonly memory: GuestMemory;
  log(message: string): void;
}

export class MmioTransport implements MmioDevice {
  readonly name: string;
  readonly #state: TransportState;
  readonly #world: MmioTransportWorld;
  readonly #registers: Uint32Array;
  readonly #interruptStatus: Int32Array;
  readonly #bytes: DataView;
  readonly #config: Uint8Array;
  #deviceFeaturesSel = 0;
  #driverFeaturesSel = 0;
  #queueSel = 0;
  #shmSel = 0;

  constructor(device: DeviceDescription, world: MmioTransportWorld) {
    this.name = world.name;
    this.#world = world;
    this.#registers = new Uint32Array(world.page, 0, Reg.Config / 4);
    this.#interruptStatus = new Int32Array(world.page, Reg.InterruptStatus, 1);
    this.#bytes = new DataView(world.page, 0, REGISTER_BYTES);
    this.#config = new Uint8Array(world.page, Reg.Config, device.config.length);
    this.#config.set(device.config);
    this.#state = new TransportState(device, {
      ...{ end: world.end, memory: world.memory },
      showStatus: (status) => this.#show(Reg.Status, status),
      beforeStart: () => {
        if (!world.strict) Atomics.or(this.#interruptStatus, 0, VIRTIO_MMIO_INT_VRING);
      },
      notifyConfig: () => this.#notifyConfig(),
      log: (message) => world.log(message),
    });
    this.#show(Reg.MagicValue, MAGIC);
    this.#show(Reg.Version, VERSION);
    this.#show(Reg.DeviceID, device.id);
    this.#show(Reg.VendorID, VENDOR);
    this.reset();
  }

  /** The features that the driver accepted; none before FEATURES_OK. */
  get negotiated(): bigint {
    return this.#state.negotiated;
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
    this.#state.needsReset(reason);
  }

  /** What the driver asks for by writing 0 to Status, and a reboot of the guest (§4.2.2.1); ConfigGeneration counts on. */
  reset(): void {
    this.#state.reset();
    this.#deviceFeaturesSel = 0;
    this.#driverFeaturesSel = 0;
    this.#queueSel = 0;
    this.#shmSel = 0;
    this.#show(Reg.DeviceFeatures, this.#state.deviceFeatures(this.#deviceFeaturesSel));
    Atomics.store(this.#interruptStatus, 0, 0);
    this.#showQueue();
    this.#showSharedMemory();
  }

  #writeRegister(offset: number, value: number): void {
    switch (offset) {
      case Reg.DeviceFeaturesSel:
        this.#deviceFeaturesSel = value;
        this.#show(Reg.DeviceFeatures, this.#state.deviceFeatures(value));
        return;
      case Reg.DriverFeaturesSel:
        this.#driverFeaturesSel = value;
        return;
      case Reg.DriverFeatures:
        this.#state.writeDriverFeatures(this.#driverFeaturesSel, value);
        return;
      case Reg.QueueSel:
        this.#queueSel = value;
        this.#showQueue();
        return;
      case Reg.QueueNotify:
        this.#state.notify(value);
        return;
      case Reg.InterruptACK:
        this.#acknowledge(value);
        return;
      case Reg.Status:
        if (value === 0) this.reset();
        else this.#state.addStatus(value);
        return;
      case Reg.SHMSel:
        this.#shmSel = value;
        this.#showSharedMemory();
        return;
      default: {
        const queue = this.#state.queues[this.#queueSel];
        if (queue) this.#writeQueue(queue, offset, value);
      }
    }
  }

  /** Registers of the queue that QueueSel selects. */
  #writeQueue(queue: QueueRegisters, offset: number, value: number): void {
    if (offset === Reg.QueueReady) {
      if (value === 0) this.#state.stopQueue(queue);
      else if (value === 1) this.#state.enableQueue(queue);
      this.#showQueue();
    } else if (offset === Reg.QueueReset) {
      // It is done at once, so QueueReset never reads 1.
      if (value === 1 && this.#state.resetQueue(queue)) this.#showQueue();
    } else if (!queue.ready) {
      // §4.2.2.2: the driver must not access these while the queue is ready.
      const half = QUEUE_ADDRESSES.indexOf(offset);
      if (half !== -1) queue.addresses[half] = value;
      else if (offset === Reg.QueueSize) queue.size = value;
    }
  }

  #acknowledge(value: number): void {
    const mask = this.#world.strict ? VIRTIO_MMIO_INT_VRING | VIRTIO_MMIO_INT_CONFIG : VIRTIO_MMIO_INT_CONFIG;
    Atomics.and(this.#interruptStatus, 0, ~(value & mask));
  }

  #writeConfig(offset: number, size: AccessSize, value: number): void {
    const config = this.#state.writeConfig(offset, size, value);
    if (config) this.#config.set(config);
  }

  /** There is nobody to tell before DRIVER_OK. */
  #notifyConfig(): void {
    const listens = this.#state.has(VIRTIO_CONFIG_S_DRIVER_OK);
    if (listens) Atomics.or(this.#interruptStatus, 0, VIRTIO_MMIO_INT_CONFIG);
    this.#world.publish();
    if (listens) this.#world.end.interrupt();
  }

  #showQueue(): void {
    const queue = this.#state.queues[this.#queueSel];
    this.#show(Reg.QueueSizeMax, queue?.sizeMax ?? 0);
    this.#show(Reg.QueueReady, queue?.ready ? 1 : 0);
  }

  /** §4.2.2.1: a region that does not exist has the length -1. */
  #showSharedMemory(): void {
    const region = this.#state.device.sharedMemory.find(({ id }) => id === this.#shmSel);
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
}
