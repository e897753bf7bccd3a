/**
 * The guest's PCI: a bus behind a generic host bridge, the windows in which BARs lie, and the interrupts that functions have. The bus is
 * a register page, so that a guest on a coherent host looks for devices without leaving (docs/architecture.md, "PCI").
 */

import { FewTimes } from '../base/few-times.ts';
import { type AddressRange, contains, formatRange, overlaps } from '../base/range.ts';
import type { MmioBus } from '../bus/mmio-bus.ts';
import type { AccessSize, MmioDevice } from '../bus/mmio-device.ts';
import type { VmConfig } from '../config/schema.ts';
import type { Gic } from '../kvm/vgic.ts';
import type { Vm } from '../kvm/vm.ts';
import type { BarSpace } from '../pci/bars.ts';
import type { BusFunction } from '../pci/bus-function.ts';
import { GENERIC_BRIDGE, HostBridge } from '../pci/host-bridge.ts';
import { BUS_BYTES, PciBus } from '../pci/pci-bus.ts';
import { RootPort } from '../pci/root-port.ts';
import { LAYOUT } from './layout.ts';
import { MsiRoutes } from './msi-routes.ts';
import { devfnsOf, window64Of } from './pci-places.ts';
import { RegisterPage, type RegisterPageHost } from './register-page.ts';

/** A guest that moves a BAR to nowhere over and over must not fill the log. */
const REFUSALS_LOGGED_MAX = 5;

/** The slot of a device that can come and go. */
export interface SlotOfDevice {
  /** Of the device: its bus is the guest's to choose. */
  readonly requesterId: number;
  /** Asks the guest to let it go. False where it is not there. */
  unplug(): boolean;
  /** False where it is there. */
  plug(): boolean;
}

export interface PciHostOptions {
  /** Bytes of a host page. */
  readonly pageSize: number;
  /** Of the host bridge, "1def:e100"; one that nobody has a quirk for when absent. */
  readonly bridge: string | undefined;
  log(message: string): void;
}

export class PciHost implements BarSpace, MmioDevice, Disposable {
  readonly name = 'ECAM';
  readonly routes = new MsiRoutes();
  readonly #bus: PciBus;
  readonly #page: RegisterPage;
  readonly #devfns: readonly number[];
  readonly #windows: readonly AddressRange[];
  readonly #placed = new Map<number, AddressRange>();
  readonly #refusals: FewTimes;
  #mmio: MmioBus | undefined;
  #isShown = false;

  constructor(config: VmConfig, { pageSize, bridge, log }: PciHostOptions) {
    this.#page = new RegisterPage('the PCI bus', { base: LAYOUT.pciEcam.base, size: BUS_BYTES }, pageSize);
    this.#bus = new PciBus(this.#page.view);
    this.#windows = [LAYOUT.pciWindow32, window64Of(config)];
    this.#devfns = [...devfnsOf(config).values()];
    this.#refusals = new FewTimes(REFUSALS_LOGGED_MAX, log);
    this.add(0, new HostBridge(this.memoryOf(0), bridge === undefined ? GENERIC_BRIDGE : identityOf(bridge)));
  }

  /** Puts it on the guest's memory bus. */
  placeOn(mmio: MmioBus): void {
    this.#mmio = mmio;
    mmio.attach(LAYOUT.pciEcam, this);
  }

  /** The configuration space of function `devfn`, as the guest sees it. */
  memoryOf(devfn: number): DataView {
    return this.#bus.memoryOf(devfn);
  }

  /** Whether it is function 0 of a device that has others. */
  hasMore(devfn: number): boolean {
    return devfn % 8 === 0 && this.#devfns.some((other) => other > devfn && other < devfn + 8);
  }

  add(devfn: number, fn: BusFunction): void {
    this.#bus.add(devfn, fn);
  }

  /** Puts `fn` behind a root port of its own, at `devfn`. `released` is called each time the guest has let it go. */
  addBehindPort(devfn: number, fn: BusFunction, released: () => void): SlotOfDevice {
    const port: RootPort = new RootPort({
      ...{ space: this, bytes: this.memoryOf(devfn), slot: devfn >>> 3, child: fn, released },
      deliver: (message) => this.routes.deliver(message, devfn),
    });
    this.#bus.addPort(devfn, port);
    const change = (act: () => boolean) => {
      const isDone = act();
      if (this.#isShown) this.#page.publish();
      return isDone;
    };
    return {
      get requesterId() {
        return port.secondaryBus << 8;
      },
      unplug: () => change(() => port.pressButton()),
      plug: () => change(() => port.plug()),
    };
  }

  /** From now on the guest reads the bus without leaving. */
  showPage(host: RegisterPageHost): void {
    this.#page.show(host);
    this.#isShown = true;
  }

  /** Reads have effects from now on: each leaves the guest. */
  hidePage(): void {
    if (this.#isShown) this.#page.setReadable(false);
    this.#isShown = false;
  }

  read(offset: number, size: AccessSize): number {
    return this.#bus.read(offset, size);
  }

  write(offset: number, size: AccessSize, value: number): void {
    this.#bus.write(offset, size, value);
    if (this.#isShown) this.#page.publish();
  }

  attach(range: AddressRange, device: MmioDevice): boolean {
    const isFree = [...this.#placed.values()].every((other) => !overlaps(other, range));
    if (!isFree || !this.#windows.some((window) => contains(window, range))) {
      // All ones is what a guest writes to learn the size, and Linux does so with the BAR disabled.
      this.#refusals.say(
        `The guest puts ${device.name} at ${formatRange(range)}, ${isFree ? 'outside the windows of the PCI host bridge' : 'where another BAR lies'}: it is nowhere`,
      );
      return false;
    }
    this.#mmio!.attach(range, device);
    this.#placed.set(range.base, range);
    return true;
  }

  detach({ base }: AddressRange): void {
    this.#mmio!.detach(base);
    this.#placed.delete(base);
  }

  /** A (new) VM, whose interrupt controller is initialised. */
  attachVm(vm: Vm, gic: Gic): void {
    this.routes.attach(vm, gic);
  }

  /** The VM is gone. */
  detachVm(): void {
    this.routes.detach();
  }

  /** The guest reboots: functions are as after power-on. Nobody reads the page. */
  reset(): void {
    this.#bus.reset();
  }

  [Symbol.dispose](): void {
    this.#page[Symbol.dispose]();
  }
}

function identityOf(id: string): { readonly vendorId: number; readonly deviceId: number } {
  const [vendorId, deviceId] = id.split(':').map((part) => Number.parseInt(part, 16));
  return { vendorId: vendorId!, deviceId: deviceId! };
}
