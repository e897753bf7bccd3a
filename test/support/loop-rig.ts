/**
 * A virtio device with everything around it that is ours and real: its host, an epoll loop, guest RAM that system calls can
 * reach. The guest's side are driver-side queues; a test lets the loop turn until something has happened.
 */
import { MiB } from '../../src/base/units.ts';
import { Mapping } from '../../src/host/mapping.ts';
import { DeviceHost } from '../../src/io/device-host.ts';
import { GuardedLoop } from '../../src/io/guarded-loop.ts';
import { EpollLoop } from '../../src/io/io-loop.ts';
import type { IoLoop, VirtioDevice } from '../../src/virtio/device.ts';
import { QueueCounters } from '../../src/virtio/queue-counters.ts';
import { DriverQueue } from './driver.ts';
import { GuestRam } from './guest-ram.ts';

const WAIT_MS = 5_000;

export interface LoopRigWorld {
  readonly loop: IoLoop;
  log(message: string): void;
}

export class LoopRig<Device extends VirtioDevice> implements Disposable {
  readonly device: Device;
  readonly ram: GuestRam;
  readonly loop: EpollLoop;
  /** What the device said to the user. */
  readonly messages: string[] = [];
  /** Why the device needs a reset. */
  fault: string | undefined;
  readonly #resources = new DisposableStack();
  readonly #host: DeviceHost;
  #queues: readonly DriverQueue[] = [];

  constructor(create: (world: LoopRigWorld) => Device) {
    const { buffer, pointer } = this.#resources.use(Mapping.create(8 * MiB, { what: 'a test' }));
    this.ram = new GuestRam({ buffer, pointer });
    this.loop = this.#resources.use(new EpollLoop());
    const loop = new GuardedLoop(this.loop);
    this.device = create({ loop, log: (message) => void this.messages.push(message) });
    this.#host = this.#resources.use(
      new DeviceHost(this.device, {
        loop,
        memory: this.ram.memory,
        counters: this.device.queueSizes.map(() => new QueueCounters()),
        idle: (queue) => this.loop.idle(queue),
        interrupt: () => {},
        faulted: (reason) => {
          this.fault = reason;
        },
      }),
    );
  }

  /** Lays the queues out in empty RAM; `activate` follows when their first buffers are there. */
  prepare(size: number): readonly DriverQueue[] {
    this.ram.release(0);
    this.fault = undefined;
    this.#queues = this.device.queueSizes.map(() => new DriverQueue(this.ram, size));
    return this.#queues;
  }

  /** DRIVER_OK. */
  activate(features = this.device.features): void {
    const setups = this.#queues.map(({ places }, index) => ({ index, ...places }));
    this.#host.activate(setups, features);
  }

  queue(index: number): DriverQueue {
    return this.#queues[index]!;
  }

  /** The driver makes available what it has added to queue `index`, and notifies if it is asked to. */
  kick(index: number): void {
    if (this.queue(index).kick()) this.#host.kicked(index);
  }

  writeConfig(offset: number, bytes: Uint8Array): void {
    this.#host.writeConfig(offset, bytes);
  }

  reset(): void {
    this.#host.reset();
  }

  /** Lets the device work until `condition` holds. */
  until(condition: () => boolean, what: string): void {
    const deadline = performance.now() + WAIT_MS;
    while (!condition()) {
      if (performance.now() > deadline) throw new Error(`waited in vain for ${what}`);
      this.turn();
    }
  }

  /** Lets the device work for a while. */
  settle(ms = 20): void {
    const end = performance.now() + ms;
    this.until(() => performance.now() > end, 'time to pass');
  }

  turn(): void {
    const cancel = this.loop.after(1, () => {});
    this.loop.turn();
    cancel();
  }

  [Symbol.dispose](): void {
    this.#resources.dispose();
  }
}
