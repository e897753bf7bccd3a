/** Opens the PCI devices that one guest gets: one address space for all of them, then each (Linux Documentation/driver-api/vfio.rst). */
import { HostFiles } from '../host/host-files.ts';
import { lockedMemoryMax, raiseLockedMemory } from '../host/locked-memory.ts';
import { VfioContainer } from './container.ts';
import { VfioDevice } from './device.ts';
import { checkPinnable, checkReach, type DmaMemory, type DmaSpace } from './dma-space.ts';
import { hasIommufd, Iommufd } from './iommufd.ts';

/** iommufd: a file for each device · group: IOMMU groups in a container · auto: the first, where it can be had. */
export type VfioInterface = 'auto' | 'iommufd' | 'group';

export class VfioDevices implements Disposable {
  readonly #resources = new DisposableStack();
  readonly #space: DmaSpace;
  readonly #devices: ReadonlyMap<string, VfioDevice>;

  /** `addresses`: "0000:01:00.0"; at least one. */
  constructor(addresses: readonly string[], asked: VfioInterface = 'auto', sysfs = new HostFiles('/sys')) {
    using resources = new DisposableStack();
    const usesIommufd = asked === 'auto' ? hasIommufd(addresses, sysfs) : asked === 'iommufd';
    this.#space = resources.use(usesIommufd ? new Iommufd(sysfs) : new VfioContainer(addresses, sysfs));
    this.#devices = new Map(
      addresses.map((address) => [address, resources.use(new VfioDevice(address, this.#space.openDevice(address)))]),
    );
    this.#resources = resources.move();
  }

  device(address: string): VfioDevice {
    return this.#devices.get(address)!;
  }

  /** For KVM, which wants to know the files of devices in use. */
  get files(): readonly number[] {
    return this.#space.files;
  }

  /** An error where they could not reach `memory`. */
  checkReach(memory: readonly DmaMemory[]): void {
    const { usable } = this.#space;
    for (const part of memory) checkReach(usable, part);
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
