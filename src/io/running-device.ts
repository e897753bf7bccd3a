/** A device in its I/O thread: made from its config, tied to its eventfds, and reporting to the main thread. */

import { VIRTIO_MMIO_INT_VRING } from '../abi/virtio.ts';
import { ConfigError, HostError } from '../base/errors.ts';
import type { GuestAddress } from '../base/range.ts';
import type { DeviceType } from '../config/device-types.ts';
import { EventFd } from '../host/eventfd.ts';
import { viewOf } from '../host/libc.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import type { DeviceWorld, VirtioDevice } from '../virtio/device.ts';
import { QueueCounters } from '../virtio/queue-counters.ts';
import type { QueueSetup } from '../virtio/queue-registers.ts';
import { DeviceHost } from './device-host.ts';
import { DEVICE_FILES } from './device-registry.ts';
import { GuardedLoop } from './guarded-loop.ts';
import type { EpollLoop } from './io-loop.ts';
import { plainError } from './plain-error.ts';
import type { CreatedDevice, DeviceReport, IoRequest } from './protocol.ts';

interface Surroundings {
  readonly loop: EpollLoop;
  readonly memory: GuestMemory;
  guestCounter(): bigint | undefined;
  report(report: DeviceReport): void;
}

type CreateRequest = IoRequest & { readonly kind: 'create' };

export class RunningDevice implements Disposable {
  readonly host: DeviceHost;
  readonly #resources: DisposableStack;
  readonly #device: VirtioDevice;
  readonly #number: number;
  readonly #name: string;
  readonly #report: (report: DeviceReport) => void;
  #generation = 0;

  static async create(request: CreateRequest, surroundings: Surroundings): Promise<RunningDevice> {
    const { name, type, keys, device: number } = request;
    const loop = new GuardedLoop(surroundings.loop);
    const world: DeviceWorld = {
      name,
      loop,
      memory: surroundings.memory,
      guestCounter: surroundings.guestCounter,
      log: (message) => surroundings.report({ kind: 'log', device: number, message }),
    };
    // The parser has read the keys by the table of this type.
    const file = (await DEVICE_FILES[type as DeviceType]()) as {
      create(keys: object, world: DeviceWorld): VirtioDevice;
    };
    const device = await file.create(keys, world);
    return new RunningDevice(device, loop, request, surroundings);
  }

  private constructor(device: VirtioDevice, loop: GuardedLoop, request: CreateRequest, surroundings: Surroundings) {
    using resources = new DisposableStack();
    this.#device = resources.use(device);
    this.#number = request.device;
    this.#name = request.name;
    this.#report = surroundings.report;
    const counters = new SharedArrayBuffer(device.queueSizes.length * QueueCounters.BYTES);
    this.host = new DeviceHost(device, {
      loop,
      memory: surroundings.memory,
      counters: device.queueSizes.map(
        (_, index) => new QueueCounters(new Uint8Array(counters, index * QueueCounters.BYTES, QueueCounters.BYTES)),
      ),
      idle: (queue) => surroundings.loop.idle(queue),
      interrupt: createInterrupt(request, resources),
      faulted: (reason) => this.#tell({ kind: 'faulted', generation: this.#generation, reason }),
    });
    resources.defer(() => this.host.reset());
    const kicks = device.queueSizes.map((_, index) => {
      const kick = resources.use(EventFd.create());
      resources.use(surroundings.loop.watchSignals(kick.number, () => this.host.kicked(index)));
      return kick.number;
    });
    device.config.onUpdate(() => this.#tellConfig(false));
    this.#report({ kind: 'created', device: request.device, created: describe(device, kicks, counters) });
    this.#resources = resources.move();
  }

  activate(queues: readonly QueueSetup[], features: bigint, generation: number): void {
    this.#generation = generation;
    this.host.activate(queues, features);
  }

  place(window: number, base: GuestAddress): void {
    this.#device.windows![window]!.placed(base);
    this.#tellConfig(true);
  }

  writeConfig(offset: number, bytes: Uint8Array): void {
    this.host.writeConfig(offset, bytes);
    this.#tellConfig(true);
  }

  act(action: string, value: string | undefined, call: number): void {
    const { actions = {} } = this.#device;
    try {
      if (!Object.hasOwn(actions, action)) {
        const known = Object.keys(actions).join(', ') || 'nothing';
        throw new ConfigError(`Device ${this.#name} cannot "${action}": it can ${known}`);
      }
      this.#tell({ kind: 'answer', call, text: actions[action]!.run(value) });
    } catch (error) {
      if (!(error instanceof ConfigError || error instanceof HostError)) throw error;
      this.#tell({ kind: 'declined', call, error: plainError(error) });
    }
  }

  count(call: number): void {
    this.#tell({ kind: 'counters', call, counters: this.#device.counters?.() ?? {} });
  }

  #tellConfig(asked: boolean): void {
    this.#tell({ kind: 'config', bytes: this.#device.config.bytes, asked });
  }

  #tell(report: Without<DeviceReport, 'device'>): void {
    this.#report({ ...report, device: this.#number } as DeviceReport);
  }

  [Symbol.dispose](): void {
    this.#resources.dispose();
  }
}

type Without<Report, Key extends PropertyKey> = Report extends unknown ? Omit<Report, Key> : never;

/** Used buffers: bit 0 first where it is exact, then the eventfd that KVM turns into an interrupt. */
function createInterrupt({ irq, interruptStatus }: CreateRequest, resources: DisposableStack): () => void {
  const event = new EventFd(irq);
  if (interruptStatus === undefined) return () => event.signal();
  const buffer = viewOf(interruptStatus, Int32Array.BYTES_PER_ELEMENT);
  resources.defer(() => buffer.transfer(0));
  const status = new Int32Array(buffer);
  return () => {
    Atomics.or(status, 0, VIRTIO_MMIO_INT_VRING);
    event.signal();
  };
}

function describe(device: VirtioDevice, kicks: readonly number[], counters: SharedArrayBuffer): CreatedDevice {
  const { id, features, inOrder = false, queueSizes, config, windows = [], actions = {} } = device;
  return {
    id,
    features,
    inOrder,
    ringReset: device.stopQueue !== undefined && device.startQueue !== undefined,
    queueSizes,
    config: config.bytes,
    kicks,
    counters,
    windows: windows.map(({ what, size, pointer, readOnly, shmId }) => ({ what, size, pointer, readOnly, shmId })),
    actions: Object.fromEntries(Object.entries(actions).map(([action, { help }]) => [action, help])),
  };
}
