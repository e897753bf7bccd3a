/**
 * A virtio device behind its MMIO transport, all in one thread: the real transport, the real host of the device, a loop
 * whose turns the test gives, and a driver at the registers.
 */
import assert from 'node:assert/strict';
import { VIRTIO_MMIO_INT_VRING } from '../../src/abi/virtio.ts';
import { DeviceHost } from '../../src/io/device-host.ts';
import { GuardedLoop } from '../../src/io/guarded-loop.ts';
import type { DeviceWorld, QueueWires, VirtioDevice } from '../../src/virtio/device.ts';
import { ringFeatures } from '../../src/virtio/features.ts';
import { REGISTER_BYTES, Reg } from '../../src/virtio/mmio-registers.ts';
import { type MmioDeviceEnd, MmioTransport } from '../../src/virtio/mmio-transport.ts';
import { QueueCounters } from '../../src/virtio/queue-counters.ts';
import type { QueueSetup } from '../../src/virtio/queue-registers.ts';
import type { SharedMemoryRegion } from '../../src/virtio/transport-state.ts';
import { FakeLoop } from './fake-loop.ts';
import { GuestRam } from './guest-ram.ts';
import { MmioDriver } from './mmio-driver.ts';

export interface MmioRigOptions {
  readonly strict?: boolean;
  readonly packed?: boolean;
  readonly ringReset?: boolean;
  readonly ram?: GuestRam;
  readonly sharedMemory?: readonly SharedMemoryRegion[];
  /** Notifications of each queue that the device may hand to somebody else. */
  readonly wires?: QueueWires;
}

export class MmioRig<Device extends VirtioDevice> {
  readonly ram: GuestRam;
  readonly loop = new FakeLoop();
  readonly device: Device;
  readonly transport: MmioTransport;
  readonly driver: MmioDriver;
  /** What the device and its transport told the user. */
  readonly messages: string[] = [];
  readonly #page = new Uint8Array(REGISTER_BYTES);
  /** What a guest sees of the page on a host without FEAT_S2FWB: what was published. */
  readonly #seen = new Uint8Array(REGISTER_BYTES);
  readonly counters: readonly QueueCounters[];
  interrupts = 0;
  /** Requests of the transport to the device's end, in their order. */
  readonly requests: string[] = [];
  /** Queues that the device has handed to somebody else, in their order. */
  readonly delegated = new Set<number>();
  /** How often the page was changed while the guest could not read it. */
  hiddenChanges = 0;

  constructor(create: (world: DeviceWorld) => Device, options: MmioRigOptions = {}) {
    const {
      strict = false,
      packed = false,
      ringReset = false,
      ram = new GuestRam(),
      sharedMemory = [],
      wires,
    } = options;
    this.ram = ram;
    const loop = new GuardedLoop(this.loop);
    const log = (message: string) => void this.messages.push(message);
    const { memory } = ram;
    this.device = create({ name: 'device0', loop, memory, log });
    const page = this.#page.buffer;
    const publish = () => this.#seen.set(this.#page);
    const status = new Int32Array(page, Reg.InterruptStatus, 1);
    this.counters = this.device.queueSizes.map(() => new QueueCounters());
    const host = new DeviceHost(this.device, {
      loop,
      memory,
      counters: this.counters,
      interrupt: () => {
        if (strict) Atomics.or(status, 0, VIRTIO_MMIO_INT_VRING);
        this.interrupts++;
      },
      wires: () => wires,
      delegated: (index, isDelegated) => {
        if (isDelegated) this.delegated.add(index);
        else this.delegated.delete(index);
      },
      faulted: (reason) => this.transport.needsReset(reason),
    });
    const { id, queueSizes, config, inOrder = false } = this.device;
    const features = this.device.features | ringFeatures({ packed, inOrder, ringReset });
    this.transport = new MmioTransport(
      { id, features, queueSizes, config: config.bytes, sharedMemory },
      {
        name: 'device0',
        page,
        strict,
        end: this.#end(host, strict),
        atomically: (change) => {
          this.hiddenChanges++;
          change();
          publish();
        },
        publish,
        memory,
        log,
      },
    );
    config.onUpdate(() => this.transport.configChanged(config.bytes));
    publish();
    this.driver = new MmioDriver(
      {
        name: 'device0',
        // With an exact InterruptStatus such a host shows no page (src/machine/virtio-mmio-device.ts).
        read: (offset, size) => {
          if (!strict) this.#checkSeen();
          return this.transport.read(offset, size);
        },
        write: (offset, size, value) => this.transport.write(offset, size, value),
      },
      ram,
    );
  }

  /** The driver rings the bell, and the device has its turns. */
  kick(index: number): void {
    this.driver.write('QueueNotify', index);
    this.loop.settle();
  }

  #checkSeen(): void {
    assert.deepEqual(this.#seen, this.#page, 'the guest would read registers as they were before');
  }

  #end(host: DeviceHost, strict: boolean): MmioDeviceEnd {
    const note = (request: string) => void this.requests.push(request);
    return {
      activate: (queues: readonly QueueSetup[], features) => {
        note('activate');
        host.activate(queues, features);
      },
      notify: (index) => {
        note(`notify ${index}`);
        host.kicked(index);
      },
      reset: () => {
        note('reset');
        host.reset();
      },
      stopQueue: (index) => {
        note(`stop-queue ${index}`);
        host.stopQueue(index);
      },
      startQueue: (queue) => {
        note(`start-queue ${queue.index}`);
        host.startQueue(queue);
      },
      writeConfig: (offset, bytes) => {
        note(`write-config ${offset}+${bytes.length}`);
        host.writeConfig(offset, bytes);
        return this.device.config.bytes;
      },
      interrupt: () => {
        if (!strict) this.#checkSeen();
        this.interrupts++;
      },
    };
  }
}
