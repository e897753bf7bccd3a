/** The PCI devices of the host that the guest has for itself: opened, on the guest's bus, and tied to whichever VM there is. */
import { KVM_DEV_TYPE_VFIO, KVM_DEV_VFIO_FILE, KVM_DEV_VFIO_FILE_ADD } from '../abi/kvm.ts';
import { swizzled } from '../boot/pci-node.ts';
import { passedDevices } from '../config/device-kinds.ts';
import type { VmConfig } from '../config/schema.ts';
import type { MachineStats } from '../control/protocol.ts';
import type { KvmDevice } from '../kvm/device.ts';
import type { Vm } from '../kvm/vm.ts';
import type { MemorySlots } from '../memory/slots.ts';
import { VfioDevices } from '../vfio/devices.ts';
import { VfioFunction } from '../vfio/function.ts';
import { INTX_SPIS } from './layout.ts';
import type { Passing } from './passing.ts';
import type { PciHost } from './pci-host.ts';
import { devfnsOf } from './pci-places.ts';

export interface PassedWorld {
  readonly passing: Passing;
  readonly pci: PciHost;
  readonly slots: MemorySlots;
  /** Bytes of a host page. */
  readonly pageSize: number;
  log(message: string): void;
}

export class PassedDevices implements Disposable {
  readonly #resources = new DisposableStack();
  readonly #opened: readonly VfioDevices[];
  readonly #functions: readonly VfioFunction[];
  #known: KvmDevice | undefined;

  /** All memory slots of RAM are there. */
  constructor(config: VmConfig, world: PassedWorld) {
    using resources = new DisposableStack();
    const opened = openAll(config, world.slots);
    this.#opened = opened.map(({ devices }) => resources.use(devices));
    const devfns = devfnsOf(config);
    this.#functions = passedDevices(config).map(([name, { host }]) => {
      const device = opened.find(({ names }) => names.includes(name))!.devices.device(host);
      const devfn = devfns.get(name)!;
      const policies = world.passing.policies.get(name)!;
      const { pci, slots, pageSize } = world;
      const fn = new VfioFunction(device, {
        ...{ name, bytes: pci.memoryOf(devfn), space: pci, slots, routes: pci.routes, requesterId: devfn, pageSize },
        isMultiFunction: pci.hasMore(devfn),
        spiOf: (pin) => swizzled(INTX_SPIS, Math.floor(devfn / 8), pin),
        policyOf: (bar) => policies.get(bar) ?? 'trap',
        log: (message) => world.log(`${name}: ${message}`),
      });
      pci.add(devfn, resources.use(fn));
      return fn;
    });
    this.#resources = resources.move();
  }

  /** Ties the devices to a (new) VM, whose interrupt controller is initialised. */
  attach(vm: Vm): void {
    this.#known = vm.createDevice(KVM_DEV_TYPE_VFIO);
    for (const fd of this.#opened.flatMap(({ files }) => files)) {
      const value = new Uint8Array(new Int32Array([fd]).buffer);
      const attribute = { group: KVM_DEV_VFIO_FILE, attr: KVM_DEV_VFIO_FILE_ADD };
      this.#known?.set(attribute, value, 'tell KVM of a device that is passed through');
    }
    for (const fn of this.#functions) fn.attach(vm);
  }

  /** The VM is gone. */
  detach(): void {
    for (const fn of this.#functions) fn.detach();
    this.#known?.[Symbol.dispose]();
    this.#known = undefined;
  }

  /** Accesses of BARs that left the guest. */
  stats(): MachineStats['devices'] {
    return this.#functions.map(({ name, counts }) => ({
      ...{ name, type: 'vfio', queues: [] },
      counters: Object.fromEntries(
        [...counts].flatMap(([bar, { reads, writes }]) => [
          [`bar${bar}-reads`, reads],
          [`bar${bar}-writes`, writes],
        ]),
      ),
    }));
  }

  [Symbol.dispose](): void {
    this.#known?.[Symbol.dispose]();
    this.#resources.dispose();
  }
}

/** One address space for the devices that reach all of RAM, and one for each pool; parted by the interface that was asked for. */
function openAll(config: VmConfig, { slots }: MemorySlots) {
  const alike = Map.groupBy(passedDevices(config), ([, { memory, interface: asked }]) => `${asked} ${memory.pool}`);
  return [...alike.values()].map((members) => {
    const [, { memory: seen, interface: asked }] = members[0]!;
    const { pool } = seen;
    const memory = slots.filter(({ kind, name }) =>
      pool === undefined ? kind === 'ram' : kind === 'pool' && name === `pool ${pool}`,
    );
    const devices = new VfioDevices(
      members.map(([, { host }]) => host),
      asked,
    );
    try {
      devices.reach(memory);
    } catch (error) {
      devices[Symbol.dispose]();
      throw error;
    }
    return { names: members.map(([name]) => name), devices };
  });
}
