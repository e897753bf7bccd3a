/**
 * A virtio device between a driver-side simulator and guest RAM, without a transport: its queues are laid out, activated
 * and kicked by the test. A GuestFault comes out of the call that caused it.
 */
import type { DeviceWorld, VirtioDevice } from '../../src/virtio/device.ts';
import { Virtqueue } from '../../src/virtio/queue.ts';
import { DriverQueue, PLAIN, type Request } from './driver.ts';
import { FakeLoop } from './fake-loop.ts';
import { GuestRam } from './guest-ram.ts';

/** Chains of one queue in one turn, as src/io/device-host.ts has it. */
const TURN_CHAINS = 128;

export class DeviceRig<Device extends VirtioDevice> {
  readonly device: Device;
  readonly ram: GuestRam;
  readonly loop: FakeLoop;
  /** What the device told the user. */
  readonly messages: string[];
  drivers: DriverQueue[] = [];
  interrupts = 0;
  #queues: Virtqueue[] = [];

  constructor(create: (world: DeviceWorld) => Device, ram = new GuestRam()) {
    this.ram = ram;
    this.loop = new FakeLoop();
    this.messages = [];
    this.device = create({
      name: 'device0',
      loop: this.loop,
      memory: ram.memory,
      log: (message) => void this.messages.push(message),
    });
  }

  /** DRIVER_OK with these features of the device (default: all) and queues (default: all), each of `size` entries. */
  activate({ features = this.device.features, queues = [...this.device.queueSizes.keys()], size = 16 } = {}): void {
    this.drivers = [];
    this.#queues = [];
    const { ram, loop } = this;
    for (const index of queues) {
      const driver = new DriverQueue(ram, size);
      this.drivers[index] = driver;
      const host = {
        interrupt: () => void this.interrupts++,
        starved: () => void this.#queues[index]?.arm(),
        spent: () => loop.defer(() => this.notify(index)),
        now: () => loop.nowMs,
      };
      this.#queues[index] = new Virtqueue(ram.memory, { index, places: driver.places, features: PLAIN, host });
    }
    this.device.activate(this.#queues.slice(), features);
    for (const index of queues) this.notify(index);
  }

  /** The driver's notification of queue `index` arrives. */
  notify(index: number): void {
    this.#queues[index]?.beginTurn(TURN_CHAINS);
    this.device.notify(index);
  }

  /** Makes a buffer available, notifies, and returns what the device wrote; undefined when it keeps the buffer. */
  send(index: number, request: Request): Uint8Array | undefined {
    const driver = this.drivers[index]!;
    driver.add(request);
    driver.kick();
    this.notify(index);
    return driver.take()?.written();
  }

  /** As the device's host does it. */
  reset(): void {
    this.device.reset();
    for (const queue of this.#queues) queue?.drop();
    this.#queues = [];
  }
}
