/** A driver at the registers of a virtio-mmio transport (virtio 1.4 §4.2.3): negotiates and lays out queues, as Linux does. */
import {
  VIRTIO_CONFIG_S_ACKNOWLEDGE,
  VIRTIO_CONFIG_S_DRIVER,
  VIRTIO_CONFIG_S_DRIVER_OK,
  VIRTIO_CONFIG_S_FEATURES_OK,
} from '../../src/abi/virtio.ts';
import type { AccessSize, MmioDevice } from '../../src/bus/mmio-device.ts';
import { ringFeaturesOf } from '../../src/virtio/features.ts';
import { Reg } from '../../src/virtio/mmio-registers.ts';
import { DriverQueue } from './driver.ts';
import type { GuestRam } from './guest-ram.ts';

export const ACKNOWLEDGE = VIRTIO_CONFIG_S_ACKNOWLEDGE;
export const DRIVER = ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER;
export const FEATURES_OK = DRIVER | VIRTIO_CONFIG_S_FEATURES_OK;
export const DRIVER_OK = FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK;

export class MmioDriver {
  readonly #device: MmioDevice;
  readonly #ram: GuestRam;

  constructor(device: MmioDevice, ram: GuestRam) {
    this.#device = device;
    this.#ram = ram;
  }

  read(register: keyof typeof Reg): number {
    return this.readAt(Reg[register]);
  }

  write(register: keyof typeof Reg, value: number): void {
    this.writeAt(Reg[register], value);
  }

  readAt(offset: number, size: AccessSize = 4): number {
    return this.#device.read(offset, size) ?? 0;
  }

  writeAt(offset: number, value: number, size: AccessSize = 4): void {
    this.#device.write(offset, size, value);
  }

  get status(): number {
    return this.read('Status');
  }

  set status(value: number) {
    this.write('Status', value);
  }

  get offered(): bigint {
    return [3, 2, 1, 0].reduce((mask, word) => {
      this.write('DeviceFeaturesSel', word);
      return (mask << 32n) | BigInt(this.read('DeviceFeatures'));
    }, 0n);
  }

  accept(features: bigint): void {
    for (const word of [1, 0]) {
      this.write('DriverFeaturesSel', word);
      this.write('DriverFeatures', Number(BigInt.asUintN(32, features >> BigInt(32 * word))));
    }
  }

  /** Up to FEATURES_OK, with everything that is offered unless `features` says otherwise; returns what the status became. */
  negotiate(features = this.offered): number {
    this.status = 0;
    this.status = ACKNOWLEDGE;
    this.status = DRIVER;
    this.accept(features);
    this.status = FEATURES_OK;
    return this.status;
  }

  /** Tells the transport where a queue lies, without enabling it. */
  describeQueue(index: number, { size, desc, driver, device }: DriverQueue['places']): void {
    this.write('QueueSel', index);
    this.write('QueueSize', size);
    this.#writeAddress('QueueDescLow', desc);
    this.#writeAddress('QueueDriverLow', driver);
    this.#writeAddress('QueueDeviceLow', device);
  }

  /** Lays out queue `index` and enables it. */
  setUpQueue(index: number, size = 16, features = this.offered): DriverQueue {
    const queue = new DriverQueue(this.#ram, size, ringFeaturesOf(features));
    this.describeQueue(index, queue.places);
    this.write('QueueReady', 1);
    return queue;
  }

  /** All the way to DRIVER_OK, with `count` queues. */
  start(count: number, { features = this.offered, size = 16 } = {}): DriverQueue[] {
    this.negotiate(features);
    const queues = Array.from({ length: count }, (_, index) => this.setUpQueue(index, size, features));
    this.status = DRIVER_OK;
    return queues;
  }

  #writeAddress(low: 'QueueDescLow' | 'QueueDriverLow' | 'QueueDeviceLow', address: number): void {
    this.writeAt(Reg[low], address % 2 ** 32);
    this.writeAt(Reg[low] + 4, Math.floor(address / 2 ** 32));
  }
}
