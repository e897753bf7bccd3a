/** A device in its I/O thread: made from its config, tied to its eventfds, and reporting to the main thread. */
import { ConfigError, HostError } from '../base/errors.ts';
import type { GuestAddress } from '../base/range.ts';
import { EventFd } from '../host/eventfd.ts';
import type { DeviceWorld, VirtioDevice } from '../virtio/device.ts';
import { ringFeatures } from '../virtio/features.ts';
import { QueueCounters } from '../virtio/queue-counters.ts';
import type { QueueSetup } from '../virtio/queue-registers.ts';
import { DeviceHost } from './device-host.ts';
import { createDevice } from './device-registry.ts';
import { GuardedLoop } from './guarded-loop.ts';
import type { CreateRequest, DeviceTeller, HostedDevice, Surroundings } from './hosted-device.ts';
import { DriverInterrupts } from './interrupt.ts';
import { plainError } from './plain-error.ts';
import type { CreatedDevice, Wires } from './protocol.ts';

export class RunningDevice implements HostedDevice {
  readonly #host: DeviceHost;
  readonly #resources: DisposableStack;
  readonly #device: VirtioDevice;
  readonly #tell: DeviceTeller;
  readonly #interrupts: DriverInterrupts;
  #generation = 0;

  static async create(request: CreateRequest, surroundings: Surroundings): Promise<RunningDevice> {
    const { name, keys } = request;
    const loop = new GuardedLoop(surroundings.loop);
    const world: DeviceWorld = {
      name,
      loop,
      memory: surroundings.memory,
      guestCounter: surroundings.guestCounter,
      log: (message) => surroundings.tell({ kind: 'log', message }),
    };
    return new RunningDevice(await createDevice(keys, world), loop, request, surroundings);
  }

  private constructor(device: VirtioDevice, loop: GuardedLoop, request: CreateRequest, surroundings: Surroundings) {
    using resources = new DisposableStack();
    this.#device = resources.use(device);
    this.#tell = surroundings.tell;
    const counters = new SharedArrayBuffer(device.queueSizes.length * QueueCounters.BYTES);
    const eventFds = () => device.queueSizes.map(() => resources.use(EventFd.create()));
    const kicks = eventFds().map(({ number }) => number);
    const calls = request.interrupts.kind === 'each' ? eventFds() : [];
    const interrupts = resources.use(new DriverInterrupts(request.interrupts, surroundings.loop));
    interrupts.setCalls(calls);
    this.#interrupts = interrupts;
    const watches: (Disposable | undefined)[] = [];
    const watch = (index: number) => surroundings.loop.watchSignals(kicks[index]!, () => this.#host.kicked(index));
    resources.defer(() => {
      for (const watched of watches) watched?.[Symbol.dispose]();
    });
    this.#host = new DeviceHost(device, {
      loop,
      memory: surroundings.memory,
      counters: device.queueSizes.map(
        (_, index) => new QueueCounters(new Uint8Array(counters, index * QueueCounters.BYTES, QueueCounters.BYTES)),
      ),
      idle: (queue) => surroundings.loop.idle(queue),
      interrupt: (index) => interrupts.signal(index),
      wires: (index) => {
        const call = interrupts.wireOf(index);
        return call === undefined ? undefined : { kick: kicks[index]!, call };
      },
      delegated: (index, isDelegated) => {
        watches[index]?.[Symbol.dispose]();
        watches[index] = isDelegated ? undefined : watch(index);
      },
      faulted: (reason) => this.#tell({ kind: 'faulted', generation: this.#generation, reason }),
    });
    resources.defer(() => this.#host.reset());
    watches.push(...kicks.keys().map(watch));
    device.config.onUpdate(() => this.#tellConfig(false));
    const wires = { kicks, calls: calls.map(({ number }) => number) };
    this.#tell({ kind: 'created', created: describe(device, request.keys, wires, counters) });
    this.#resources = resources.move();
  }

  activate(queues: readonly QueueSetup[], features: bigint, generation: number): void {
    this.#generation = generation;
    this.#host.activate(queues, features);
  }

  setLine(isOn: boolean): void {
    this.#interrupts.setLine(isOn);
  }

  reset(done: () => void): void {
    this.#host.reset();
    done();
  }

  stopQueue(index: number, done: () => void): void {
    this.#host.stopQueue(index);
    done();
  }

  startQueue(queue: QueueSetup): void {
    this.#host.startQueue(queue);
  }

  place(window: number, base: GuestAddress): void {
    this.#device.windows![window]!.placed(base);
    this.#tellConfig(true);
  }

  writeConfig(offset: number, bytes: Uint8Array, done: () => void): void {
    this.#host.writeConfig(offset, bytes);
    this.#tellConfig(true);
    done();
  }

  /** Only another process leaves its wires behind. */
  rewired(): void {}

  /** Windows of our own devices lie there whole. */
  shown(): void {}
  hidden(): void {}

  act(action: string, value: string | undefined, call: number): void {
    try {
      this.#tell({ kind: 'answer', call, text: this.#device.actions![action]!.run(value) });
    } catch (error) {
      if (!(error instanceof ConfigError || error instanceof HostError)) throw error;
      this.#tell({ kind: 'declined', call, error: plainError(error) });
    }
  }

  tellPeer(call: number): void {
    this.#tell({ kind: 'peer', call, peer: undefined });
  }

  count(call: number): void {
    this.#tell({ kind: 'counters', call, counters: this.#device.counters?.() ?? {} });
  }

  #tellConfig(asked: boolean): void {
    this.#tell({ kind: 'config', bytes: this.#device.config.bytes, asked });
  }

  [Symbol.dispose](): void {
    this.#resources.dispose();
  }
}

function describe(
  device: VirtioDevice,
  { packed }: CreateRequest['keys'],
  wires: Wires,
  counters: SharedArrayBuffer,
): CreatedDevice {
  const { id, features, inOrder = false, queueSizes, config, windows = [], actions = {} } = device;
  const ringReset = device.stopQueue !== undefined && device.startQueue !== undefined;
  return {
    id,
    features: features | ringFeatures({ packed: packed === 'on', inOrder, ringReset }),
    queueSizes,
    config: config.bytes,
    wires,
    counters,
    windows: windows.map(({ what, size, pointer, readOnly, shmId }) => ({ what, size, pointer, readOnly, shmId })),
    actions: Object.fromEntries(Object.entries(actions).map(([action, { help }]) => [action, help])),
  };
}
