/** Opens the PCI devices that one guest gets: their groups, one address space for all of them, then each (vfio.rst, "Usage example"). */
import { HostError } from '../base/errors.ts';
import { HostFiles } from '../host/host-files.ts';
import { lockedMemoryMax, raiseLockedMemory } from '../host/locked-memory.ts';
import { VfioContainer } from './container.ts';
import { VfioDevice } from './device.ts';
import { checkPinnable, checkReach, type DmaMemory, type DmaSpace } from './dma-space.ts';
import { VfioGroup } from './group.ts';

export class VfioDevices implements Disposable {
  readonly #resources = new DisposableStack();
  readonly #groups = new Map<string, VfioGroup>();
  readonly #space: DmaSpace;
  readonly #devices: ReadonlyMap<string, VfioDevice>;

  /** `addresses`: "0000:01:00.0"; at least one. */
  constructor(addresses: readonly string[], files = new HostFiles()) {
    using resources = new DisposableStack();
    const groupOf = new Map(addresses.map((address) => [address, nameOfGroup(address, files)]));
    for (const name of new Set(groupOf.values())) this.#groups.set(name, resources.use(new VfioGroup(name)));
    this.#space = resources.use(new VfioContainer([...this.#groups.values()]));
    this.#devices = new Map(
      addresses.map((address) => {
        const fd = this.#groups.get(groupOf.get(address)!)!.openDevice(address);
        return [address, resources.use(new VfioDevice(address, fd))];
      }),
    );
    this.#resources = resources.move();
  }

  device(address: string): VfioDevice {
    return this.#devices.get(address)!;
  }

  /** For KVM, which wants to know the files of devices in use (virt/kvm/devices/vfio.rst). */
  get files(): readonly number[] {
    return [...this.#groups.values()].map(({ fd }) => fd.number);
  }

  /** An error where they could not reach `memory`. */
  checkReach(memory: readonly DmaMemory[]): void {
    for (const part of memory) checkReach(this.#space.usable, part);
    checkPinnable(memory, lockedMemoryMax());
  }

  /** Lets the devices reach `memory`, at guest addresses, and nothing else. */
  reach(memory: readonly DmaMemory[]): void {
    this.checkReach(memory);
    raiseLockedMemory();
    for (const part of memory) this.#space.map(part);
  }

  [Symbol.dispose](): void {
    this.#resources.dispose();
  }
}

function nameOfGroup(address: string, files: HostFiles): string {
  const path = files.resolved(`sys/bus/pci/devices/${address}/iommu_group`);
  const name = path?.slice(path.lastIndexOf('/') + 1);
  if (name !== undefined) return name;
  throw new HostError(
    `Cannot open PCI device ${address}: it is behind no IOMMU, or not bound to vfio-pci yet: "orko-vmm doctor" says how to`,
  );
}
