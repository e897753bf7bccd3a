/**
 * The virtio-pci transport (virtio 1.4 §4.1, modern only): the structures that its capabilities point to, and what they do to a
 * TransportState. Where they lie in BARs, and what a vector is, is the business of src/pci/ and of the machine.
 */
import { VIRTIO_CONFIG_S_DRIVER_OK } from '../abi/virtio.ts';
import {
  VIRTIO_PCI_COMMON_ADM_Q_IDX,
  VIRTIO_PCI_COMMON_CFGGENERATION,
  VIRTIO_PCI_COMMON_DF,
  VIRTIO_PCI_COMMON_DFSELECT,
  VIRTIO_PCI_COMMON_GF,
  VIRTIO_PCI_COMMON_GFSELECT,
  VIRTIO_PCI_COMMON_MSIX,
  VIRTIO_PCI_COMMON_NUMQ,
  VIRTIO_PCI_COMMON_Q_DESCLO,
  VIRTIO_PCI_COMMON_Q_ENABLE,
  VIRTIO_PCI_COMMON_Q_MSIX,
  VIRTIO_PCI_COMMON_Q_NOFF,
  VIRTIO_PCI_COMMON_Q_RESET,
  VIRTIO_PCI_COMMON_Q_SELECT,
  VIRTIO_PCI_COMMON_Q_SIZE,
  VIRTIO_PCI_COMMON_STATUS,
  VIRTIO_PCI_ISR_CONFIG,
} from '../abi/virtio-pci.ts';
import type { AccessSize } from '../bus/mmio-device.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import type { QueueRegisters } from './queue-registers.ts';
import { type DeviceDescription, type DeviceEnd, TransportState } from './transport-state.ts';

/** Bytes of the common configuration structure up to the fields of the administration queue, which no device has. */
export const COMMON_BYTES = VIRTIO_PCI_COMMON_ADM_Q_IDX;
/** "No vector is mapped" (§4.1.5.1.2). */
export const NO_VECTOR = 0xffff;

export interface PciTransportWorld {
  readonly end: DeviceEnd;
  readonly memory: GuestMemory;
  /** Vectors that there are. */
  readonly vectorCount: number;
  /** One word: the ISR status, whose bit 0 whoever uses buffers sets, with Atomics, for a driver without MSI-X. */
  readonly isr: Int32Array;
  /** Buffers of queue `index`, or changes of the config space (`index`: as many as there are queues), interrupt by `vector`. */
  mapVector(index: number, vector: number | undefined): void;
  /** The driver is ready (DRIVER_OK), or is so no more: whether it may be interrupted. */
  started(isStarted: boolean): void;
  /** Interrupts the driver: its config space has changed. */
  interruptConfig(): void;
  log(message: string): void;
}

export class PciTransport {
  readonly #state: TransportState;
  readonly #world: PciTransportWorld;
  readonly #config: Uint8Array;
  /** Of the queues, then of the config space. */
  readonly #vectors: Uint16Array;
  #status = 0;
  #generation = 0;
  #deviceFeatureSelect = 0;
  #driverFeatureSelect = 0;
  #queueSelect = 0;

  constructor(device: DeviceDescription, world: PciTransportWorld) {
    this.#world = world;
    this.#config = device.config.slice();
    this.#vectors = new Uint16Array(device.queueSizes.length + 1).fill(NO_VECTOR);
    this.#state = new TransportState(device, {
      ...{ end: world.end, memory: world.memory },
      showStatus: (status) => {
        this.#status = status;
      },
      beforeStart: () => world.started(true),
      notifyConfig: () => this.#notifyConfig(),
      log: (message) => world.log(message),
    });
  }

  /** §4.1.3.1: fields are read at their own width; 64-bit ones as two halves. */
  readCommon(offset: number, size: AccessSize): number {
    const width = WIDTHS.get(offset);
    if (width === undefined) return 0;
    const value = this.#field(offset);
    return size < width ? value % 2 ** (8 * size) : value;
  }

  writeCommon(offset: number, size: AccessSize, value: number): void {
    if (WIDTHS.get(offset) !== size) return;
    switch (offset) {
      case VIRTIO_PCI_COMMON_DFSELECT:
        this.#deviceFeatureSelect = value;
        return;
      case VIRTIO_PCI_COMMON_GFSELECT:
        this.#driverFeatureSelect = value;
        return;
      case VIRTIO_PCI_COMMON_GF:
        this.#state.writeDriverFeatures(this.#driverFeatureSelect, value);
        return;
      case VIRTIO_PCI_COMMON_MSIX:
        this.#mapVector(this.#state.queues.length, value);
        return;
      case VIRTIO_PCI_COMMON_STATUS:
        if (value === 0) this.reset();
        else this.#state.addStatus(value);
        return;
      case VIRTIO_PCI_COMMON_Q_SELECT:
        this.#queueSelect = value;
        return;
      default: {
        const queue = this.#state.queues[this.#queueSelect];
        if (queue) this.#writeQueue(queue, offset, value);
      }
    }
  }

  /** §4.1.4.5: reading it takes it back. */
  readIsr(): number {
    return Atomics.exchange(this.#world.isr, 0, 0);
  }

  readConfig(offset: number, size: AccessSize): number {
    let value = 0;
    for (let index = size - 1; index >= 0; index--) value = value * 256 + (this.#config[offset + index] ?? 0);
    return value;
  }

  writeConfig(offset: number, size: AccessSize, value: number): void {
    const config = this.#state.writeConfig(offset, size, value);
    if (config) this.#config.set(config);
  }

  /** The driver's notification of queue `index`, where no ioeventfd has taken it. */
  notify(index: number): void {
    this.#state.notify(index);
  }

  /** The device changed its config space by itself: all of it is new at once, and the driver is told (§2.5.3, §2.3). */
  configChanged(config: Uint8Array): void {
    this.#config.set(config);
    this.#generation = (this.#generation + 1) % 256;
    this.#notifyConfig();
  }

  /** The device cannot go on: only a reset by the driver helps (§2.1.2). */
  needsReset(reason: string): void {
    this.#state.needsReset(reason);
  }

  /** What the driver asks for by writing 0 to device_status, and a reboot of the guest. */
  reset(): void {
    this.#state.reset();
    this.#world.started(false);
    this.#deviceFeatureSelect = 0;
    this.#driverFeatureSelect = 0;
    this.#queueSelect = 0;
    for (const index of this.#vectors.keys()) this.#mapVector(index, NO_VECTOR);
    Atomics.store(this.#world.isr, 0, 0);
  }

  #field(offset: number): number {
    const queue = this.#state.queues[this.#queueSelect];
    switch (offset) {
      case VIRTIO_PCI_COMMON_DFSELECT:
        return this.#deviceFeatureSelect;
      case VIRTIO_PCI_COMMON_DF:
        return this.#state.deviceFeatures(this.#deviceFeatureSelect);
      case VIRTIO_PCI_COMMON_GFSELECT:
        return this.#driverFeatureSelect;
      case VIRTIO_PCI_COMMON_GF:
        return this.#state.driverFeatures(this.#driverFeatureSelect);
      case VIRTIO_PCI_COMMON_MSIX:
        return this.#vectors[this.#state.queues.length]!;
      case VIRTIO_PCI_COMMON_NUMQ:
        return this.#state.queues.length;
      case VIRTIO_PCI_COMMON_STATUS:
        return this.#status;
      case VIRTIO_PCI_COMMON_CFGGENERATION:
        return this.#generation;
      case VIRTIO_PCI_COMMON_Q_SELECT:
        return this.#queueSelect;
      default:
        return queue ? this.#queueField(queue, offset) : 0;
    }
  }

  /** Fields of the queue that queue_select selects. Where there is none its size is 0 (§4.1.4.3.1). */
  #queueField(queue: QueueRegisters, offset: number): number {
    switch (offset) {
      case VIRTIO_PCI_COMMON_Q_SIZE:
        return queue.size;
      case VIRTIO_PCI_COMMON_Q_MSIX:
        return this.#vectors[queue.index]!;
      case VIRTIO_PCI_COMMON_Q_ENABLE:
        return queue.ready ? 1 : 0;
      case VIRTIO_PCI_COMMON_Q_NOFF:
        return queue.index;
      case VIRTIO_PCI_COMMON_Q_RESET:
        return 0;
      default:
        return queue.addresses[addressHalf(offset)] ?? 0;
    }
  }

  #writeQueue(queue: QueueRegisters, offset: number, value: number): void {
    if (offset === VIRTIO_PCI_COMMON_Q_MSIX) this.#mapVector(queue.index, value);
    // §4.1.4.3.2: the driver must not write 0.
    else if (offset === VIRTIO_PCI_COMMON_Q_ENABLE) {
      if (value === 1) this.#state.enableQueue(queue);
      // It is done at once, so queue_reset never reads 1.
    } else if (offset === VIRTIO_PCI_COMMON_Q_RESET) {
      if (value === 1) this.#state.resetQueue(queue);
    } else if (!queue.ready) {
      if (offset === VIRTIO_PCI_COMMON_Q_SIZE) queue.size = value;
      else if (addressHalf(offset) in queue.addresses) queue.addresses[addressHalf(offset)] = value;
    }
  }

  /** A vector that there is not reads as NO_VECTOR, which tells the driver (§4.1.5.1.2.1). */
  #mapVector(index: number, vector: number): void {
    const mapped = vector < this.#world.vectorCount ? vector : NO_VECTOR;
    if (this.#vectors[index] === mapped) return;
    this.#vectors[index] = mapped;
    this.#world.mapVector(index, mapped === NO_VECTOR ? undefined : mapped);
  }

  /** There is nobody to tell before DRIVER_OK. */
  #notifyConfig(): void {
    if (!this.#state.has(VIRTIO_CONFIG_S_DRIVER_OK)) return;
    Atomics.or(this.#world.isr, 0, VIRTIO_PCI_ISR_CONFIG);
    this.#world.interruptConfig();
  }
}

/** As QueueRegisters counts the halves of addresses. */
function addressHalf(offset: number): number {
  return (offset - VIRTIO_PCI_COMMON_Q_DESCLO) / 4;
}

/** Bytes of each field. */
const WIDTHS: ReadonlyMap<number, AccessSize> = new Map([
  ...fields(
    4,
    ...[VIRTIO_PCI_COMMON_DFSELECT, VIRTIO_PCI_COMMON_DF, VIRTIO_PCI_COMMON_GFSELECT, VIRTIO_PCI_COMMON_GF],
    ...Array.from({ length: 6 }, (_, half) => VIRTIO_PCI_COMMON_Q_DESCLO + 4 * half),
  ),
  ...fields(
    2,
    ...[VIRTIO_PCI_COMMON_MSIX, VIRTIO_PCI_COMMON_NUMQ, VIRTIO_PCI_COMMON_Q_SELECT, VIRTIO_PCI_COMMON_Q_SIZE],
    ...[VIRTIO_PCI_COMMON_Q_MSIX, VIRTIO_PCI_COMMON_Q_ENABLE, VIRTIO_PCI_COMMON_Q_NOFF, VIRTIO_PCI_COMMON_Q_RESET],
  ),
  ...fields(1, VIRTIO_PCI_COMMON_STATUS, VIRTIO_PCI_COMMON_CFGGENERATION),
]);

function fields(width: AccessSize, ...offsets: readonly number[]): (readonly [number, AccessSize])[] {
  return offsets.map((offset) => [offset, width]);
}
