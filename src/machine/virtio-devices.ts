/**
 * The virtio devices of a machine: for each a transport on the bus, answered on the main thread, and the device itself in
 * an I/O thread. Kicks and interrupts go past the main thread: ioeventfds and irqfds tie the guest to the I/O thread.
 */
import { ConfigError } from '../base/errors.ts';
import type { GuestAddress } from '../base/range.ts';
import type { MmioBus } from '../bus/mmio-bus.ts';
import { virtioDevices } from '../config/device-kinds.ts';
import type { VmConfig } from '../config/schema.ts';
import type { DeviceDescription, DeviceSharing, MachineStats } from '../control/protocol.ts';
import { GuestCounter } from '../io/guest-counter.ts';
import type { IoThread } from '../io/io-thread.ts';
import type { WindowDescription } from '../io/protocol.ts';
import type { Gic } from '../kvm/vgic.ts';
import type { Vm } from '../kvm/vm.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import type { MemorySlots } from '../memory/slots.ts';
import { hasPci, mainMemory, WindowArea } from './layout.ts';
import type { PassedDevices } from './passed-devices.ts';
import type { Passing } from './passing.ts';
import { PciHost } from './pci-host.ts';
import { devfnsOf } from './pci-places.ts';
import { Pools } from './pools.ts';
import type { RegisterPageHost } from './register-page.ts';
import { explainSharing } from './sharing.ts';
import type { VirtioHome } from './virtio-home.ts';
import { VirtioMmioDevice } from './virtio-mmio-device.ts';
import { virtioSlotsOf } from './virtio-nodes.ts';
import { VirtioPciDevice } from './virtio-pci-device.ts';

export interface VirtioWorld {
  readonly memory: GuestMemory;
  /** Started, and ours from now on; by their names in the config. */
  readonly threads: ReadonlyMap<string, IoThread>;
  /** Bytes of a host page. */
  readonly pageSize: number;
  /** Where devices are passed through. */
  readonly passing: Passing | undefined;
  log(message: string): void;
}

export class VirtioDevices implements Disposable {
  readonly #config: VmConfig;
  readonly #ramFd: number | undefined;
  readonly #windows: WindowArea;
  readonly #counter = new GuestCounter();
  readonly #pools: Pools;
  readonly #resources = new DisposableStack();
  readonly #threads: ReadonlyMap<string, IoThread>;
  readonly #pci: PciHost | undefined;
  readonly #devices: readonly VirtioHome[];
  readonly #world: VirtioWorld;
  #passed: PassedDevices | undefined;

  #failure: Error | undefined;
  #onFailure: () => void = () => {};

  /** Has the I/O threads make the devices, while the caller goes on. */
  constructor(config: VmConfig, world: VirtioWorld) {
    this.#config = config;
    this.#world = world;
    this.#ramFd = world.memory.regions[0]!.fd;
    this.#windows = new WindowArea(config.cpus.count, mainMemory(config));
    const slots = virtioSlotsOf(config);
    const devfns = devfnsOf(config);
    using resources = new DisposableStack();
    this.#pools = resources.use(new Pools(config));
    const onFailure = (error: Error) => {
      this.#failure ??= error;
      this.#onFailure();
    };
    const { pageSize, log } = world;
    const pci = hasPci(config)
      ? resources.use(new PciHost(config, { pageSize, bridge: world.passing?.sign.bridge, log }))
      : undefined;
    this.#pci = pci;
    // The threads end before what they work on is closed.
    const devices = resources.use(new DisposableStack());
    this.#threads = world.threads;
    for (const thread of this.#threads.values()) {
      resources.use(thread).begin({ memory: world.memory, counter: this.#counter, onFailure });
    }
    this.#devices = virtioDevices(config).map(([name, keys], number) => {
      const thread = this.#threads.get(keys.iothread)!;
      const options = { ...world, number, name, keys, thread, pool: this.#pools.of(name) };
      const [slot, devfn] = [slots.get(name), devfns.get(name)];
      return devices.use(
        slot
          ? new VirtioMmioDevice({ ...options, slot })
          : new VirtioPciDevice({ ...options, pci: pci!, devfn: devfn!, isPluggable: keys.hotplug }),
      );
    });
    this.#resources = resources.move();
  }

  /** An I/O thread is gone: a bug of ours, which `onFailure` reports when it happens. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  onFailure(listener: () => void): void {
    this.#onFailure = listener;
  }

  /** Waits until all devices are there, and puts them on the bus and into the guest's memory. */
  async place(bus: MmioBus, slots: MemorySlots): Promise<void> {
    this.#pools.addTo(slots);
    this.#pci?.placeOn(bus);
    const placeWindow = (window: WindowDescription) => this.#placeWindow(window, slots);
    for (const device of this.#devices) await device.place({ bus, slots, placeWindow });
    const { passing, pageSize, log } = this.#world;
    if (!passing) return;
    const { PassedDevices } = await import('./passed-devices.ts');
    const world = { passing, pci: this.#pci!, slots, pageSize, log };
    this.#passed = this.#resources.use(new PassedDevices(this.#config, world));
  }

  /** From now on the guest reads the devices' registers without leaving. */
  showPages(host: RegisterPageHost): void {
    for (const device of this.#devices) device.showPage?.(host);
    // What stands in the configuration space of a device that is passed through, it changes itself.
    if (!this.#passed) this.#pci?.showPage(host);
  }

  /** What there is, and what can be asked of it. */
  describe(): readonly DeviceDescription[] {
    return this.#devices.map((device) => ({ name: device.name, type: device.type, actions: actionsOf(device) }));
  }

  /** Has device `name` do something; what came of it, for the user. */
  async act(name: string, action: string, value: string | undefined): Promise<string> {
    const device = this.#devices.find((candidate) => candidate.name === name);
    if (!device) {
      const names = this.#devices.map((candidate) => candidate.name).join(', ');
      throw new ConfigError(`There is no device "${name}": this VM has ${names}`);
    }
    // What it can is known once it is there.
    await device.remote.creation;
    const known = actionsOf(device).map((candidate) => candidate.name);
    if (!known.includes(action)) {
      throw new ConfigError(`Device ${name} cannot "${action}": it can ${known.join(', ') || 'nothing'}`);
    }
    const own = device.actions?.[action];
    return own ? own.run(value) : device.remote.act(action, value);
  }

  async stats(): Promise<MachineStats['devices']> {
    const ours = await Promise.all(
      this.#devices.map(async ({ name, type, remote }) => ({
        name,
        type,
        queues: remote.queueCounts().map(({ kickToUsed, ...counts }) => ({
          ...counts,
          kickToUsedUs: kickToUsed.slice(0, kickToUsed.findLastIndex((kicks) => kicks > 0) + 1),
        })),
        counters: await remote.counters(),
      })),
    );
    return [...ours, ...(this.#passed?.stats() ?? [])];
  }

  /** Which back-end sees what. */
  async sharing(): Promise<readonly DeviceSharing[]> {
    const found = await Promise.all(
      this.#devices.map(async ({ name, remote }) => [name, await remote.peer()] as const),
    );
    return explainSharing(this.#config, {
      peers: new Map(found),
      fdOf: (pool) => (pool === undefined ? this.#ramFd : this.#pools.fdOf(pool)),
    });
  }

  /** Ties the devices to a (new) VM, whose interrupt controller is initialised. */
  attach(vm: Vm, gic: Gic): void {
    this.#pci?.attachVm(vm, gic);
    for (const device of this.#devices) device.attach(vm, gic);
    this.#passed?.attach(vm);
  }

  /** The VM is gone. */
  detach(): void {
    for (const device of this.#devices) device.detach();
    this.#passed?.detach();
    this.#pci?.detachVm();
  }

  /** The guest's counter is so many ticks behind the host's from now on. */
  setCounterLag(ticks: bigint | undefined): void {
    this.#counter.setLag(ticks);
  }

  /** The guest is gone, and another one comes. */
  reset(): void {
    for (const device of this.#devices) device.reset();
    this.#pci?.reset();
  }

  /** Keeps every device still, until `resume`. */
  pause(): void {
    for (const thread of this.#threads.values()) thread.call({ kind: 'pause' });
  }

  resume(): void {
    for (const thread of this.#threads.values()) thread.call({ kind: 'resume' });
  }

  #placeWindow({ what, size, pointer, readOnly }: WindowDescription, slots: MemorySlots): GuestAddress {
    const base = this.#windows.place(size);
    if (pointer === undefined) {
      slots.checkPlace({ name: what, range: { base, size } });
      return base;
    }
    slots.add({ kind: 'shm', name: what, range: { base, size }, pointer, readOnly });
    for (const thread of this.#threads.values()) thread.post({ kind: 'window', base, size, pointer, readOnly });
    return base;
  }

  [Symbol.dispose](): void {
    // What one device shows the guest, others may be writing to: all stop before any is closed.
    this.pause();
    this.#resources.dispose();
  }
}

/** What can be asked of it: of the device, and of what it is plugged into. */
function actionsOf({ remote, actions = {} }: VirtioHome): DeviceDescription['actions'] {
  return [
    ...Object.entries(remote.actions).map(([name, help]) => ({ name, help })),
    ...Object.entries(actions).map(([name, { help }]) => ({ name, help })),
  ];
}
