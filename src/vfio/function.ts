/**
 * A PCI device of the host as a function on the guest's bus: its configuration space partly ours (pci/passed-config.ts), its BARs as
 * their policies say, its interrupts tied to the guest.
 */
import {
  PCI_CAP_ID_MSI,
  PCI_CAP_ID_MSIX,
  PCI_COMMAND,
  PCI_COMMAND_INTX_DISABLE,
  PCI_COMMAND_MASTER,
  PCI_COMMAND_MEMORY,
  PCI_MSI_FLAGS,
  PCI_MSI_FLAGS_64BIT,
  PCI_MSI_FLAGS_MASKBIT,
  PCI_MSI_FLAGS_QMASK,
  PCI_MSIX_FLAGS,
  PCI_MSIX_FLAGS_QSIZE,
  PCI_MSIX_PBA,
  PCI_MSIX_TABLE,
  PCI_MSIX_TABLE_BIR,
} from '../abi/pci.ts';
import { VFIO_PCI_CONFIG_REGION_INDEX, VFIO_PCI_ERR_IRQ_INDEX, VFIO_PCI_REQ_IRQ_INDEX } from '../abi/vfio.ts';
import { FewTimes } from '../base/few-times.ts';
import type { AccessSize } from '../bus/mmio-device.ts';
import { EventFd } from '../host/eventfd.ts';
import { mainLoop } from '../host/main-loop.ts';
import type { Vm } from '../kvm/vm.ts';
import type { BarPolicy } from '../pci/bar-policy.ts';
import { type BarSpace, Bars } from '../pci/bars.ts';
import type { BusFunction } from '../pci/bus-function.ts';
import type { ConfigSpace } from '../pci/config-space.ts';
import { Msi } from '../pci/msi.ts';
import { Msix } from '../pci/msix.ts';
import { PassedConfig } from '../pci/passed-config.ts';
import { type Capability, type PhysicalFunction, readPhysicalFunction } from '../pci/physical-function.ts';
import { type BarCounts, type OwnPart, type SlotPlaces, VfioBar } from './bar.ts';
import type { VfioDevice } from './device.ts';
import { hasLine, type MessageRoutes, VfioInterrupts } from './interrupts.ts';

/** KVM has 4096 routes for all devices (KVM_MAX_IRQ_ROUTES): a device that has more vectors than this shows fewer. */
const VECTORS_MAX = 256;
const SILENCES_LOGGED_MAX = 3;

export interface VfioFunctionWorld {
  /** As in the config. */
  readonly name: string;
  /** Its configuration space, as the guest sees it. */
  readonly bytes: DataView;
  readonly space: BarSpace;
  readonly slots: SlotPlaces;
  readonly routes: MessageRoutes;
  readonly requesterId: number;
  /** Other functions of the guest's bus belong to the same device. */
  readonly isMultiFunction: boolean;
  /** The SPI of pin 1…4. */
  spiOf(pin: number): number;
  /** Bytes of a host page. */
  readonly pageSize: number;
  policyOf(bar: number): Exclude<BarPolicy, 'refuse'>;
  log(message: string): void;
}

export class VfioFunction implements BusFunction, Disposable {
  readonly name: string;
  readonly #device: VfioDevice;
  readonly #resources = new DisposableStack();
  readonly #config: PassedConfig;
  readonly #interrupts: VfioInterrupts;
  readonly #bars: Bars;
  readonly #vfioBars: readonly VfioBar[];
  readonly #msi: Msi | undefined;
  readonly #msix: Msix | undefined;
  readonly #log: (message: string) => void;
  #isGone = false;

  constructor(device: VfioDevice, world: VfioFunctionWorld) {
    this.name = world.name;
    this.#device = device;
    this.#log = world.log;
    using resources = new DisposableStack();
    const snapshot = readSnapshot(device);
    const physical = visible(readPhysicalFunction(snapshot), device, world.isMultiFunction);
    this.#config = new PassedConfig(physical, snapshot, world.bytes, configOf(device));
    this.#interrupts = resources.use(
      new VfioInterrupts({ device, ...world, spi: world.spiOf(physical.identity.interruptPin ?? 1) }),
    );
    const find = (id: number) => physical.capabilities.find((capability) => capability.id === id);
    this.#msi = createMsi(this.#config.space, find(PCI_CAP_ID_MSI), snapshot, this.#interrupts);
    const msix = createMsix(this.#config.space, find(PCI_CAP_ID_MSIX), snapshot, this.#interrupts);
    this.#msix = msix?.msix;
    const silence = new FewTimes(SILENCES_LOGGED_MAX, world.log);
    this.#vfioBars = physical.bars
      .map((bar) => ({ bar, region: device.regions[bar.index]! }))
      .filter(({ region }) => region.size > 0)
      .map(({ bar, region }) =>
        resources.use(
          new VfioBar(bar, {
            name: world.name,
            device,
            region,
            policy: world.policyOf(bar.index),
            own: msix?.parts(bar.index) ?? [],
            slots: world.slots,
            pageSize: world.pageSize,
            onSilence: () => silence.say(`PCI device ${device.address} does not answer: its registers read as ones`),
          }),
        ),
      );
    this.#bars = new Bars(this.#config.space, this.#vfioBars, world.space);
    this.#wake();
    this.#watch(resources, VFIO_PCI_REQ_IRQ_INDEX, () => this.#surrender());
    this.#watch(resources, VFIO_PCI_ERR_IRQ_INDEX, () => {
      const what = 'reports an error of its bus that it cannot get over: it may not work until the guest starts anew';
      this.#log(`PCI device ${device.address} ${what}`);
    });
    this.#resources = resources.move();
  }

  /** What the host has to say of the device. */
  #watch(resources: DisposableStack, index: number, said: () => void): void {
    if ((this.#device.irqs[index]?.count ?? 0) === 0) return;
    const event = resources.use(EventFd.create());
    this.#device.setEvents(index, 0, [event]);
    resources.use(
      mainLoop.watch(event.number, { readable: true }, () => {
        if (event.take() > 0n) said();
      }),
    );
  }

  /** The host wants it back, as when it is unplugged or its driver unbound, and waits for us. The guest finds ones where it was. */
  #surrender(): void {
    if (this.#isGone) return;
    this.#log(`The host takes PCI device ${this.#device.address} away: the guest has it no more`);
    this.#isGone = true;
    for (const bar of this.#vfioBars) bar.leave();
    this.#interrupts.leave();
    this.#resources.dispose();
    this.#device[Symbol.dispose]();
  }

  /** Accesses of BARs that exited, by BAR. */
  get counts(): ReadonlyMap<number, BarCounts> {
    return new Map(this.#vfioBars.map(({ index, counts }) => [index, counts]));
  }

  readConfig(offset: number, size: AccessSize): number {
    if (this.#isGone) return 2 ** (8 * size) - 1;
    this.#msi?.reading(offset, size);
    return this.#config.read(offset, size);
  }

  writeConfig(offset: number, size: AccessSize, value: number): void {
    if (this.#isGone) return;
    this.#config.write(offset, size, value);
    if (offset < PCI_COMMAND + 2 && offset + size > PCI_COMMAND) this.#passCommand();
    this.#bars.written(offset, size);
    this.#msi?.written(offset, size);
    this.#msix?.written(offset, size);
  }

  /** A (new) VM, whose interrupt controller is initialised. */
  attach(vm: Vm): void {
    if (!this.#isGone) this.#interrupts.attach(vm);
  }

  /** The VM is gone. */
  detach(): void {
    if (!this.#isGone) this.#interrupts.detach();
  }

  /** The device is reset too, so that it does nothing in the memory of the next guest. */
  reset(): void {
    this.#config.space.reset();
    this.#passCommand();
    this.#bars.reset();
    if (this.#isGone) return;
    this.#msi?.reset();
    this.#msix?.reset();
    if (!this.#device.reset()) {
      this.#log(
        `PCI device ${this.#device.address} cannot be reset alone: it goes on with what the last guest told it`,
      );
    }
    this.#wake();
  }

  /** Its memory is decoded always: whether the guest reaches it is decided by where its BARs lie. */
  #wake(): void {
    configOf(this.#device).write(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
  }

  /** What of the command register concerns the device: whether it may reach memory, and use its wired interrupt. */
  #passCommand(): void {
    const passed = this.#config.space.command & (PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE);
    configOf(this.#device).write(PCI_COMMAND, 2, passed | PCI_COMMAND_MEMORY);
  }

  [Symbol.dispose](): void {
    this.#resources.dispose();
  }
}

function readSnapshot(device: VfioDevice): DataView {
  const region = device.regions[VFIO_PCI_CONFIG_REGION_INDEX]!;
  const bytes = new DataView(new ArrayBuffer(region.size));
  for (let offset = 0; offset < region.size; offset += 4) {
    bytes.setUint32(offset, device.read(region, offset, 4) ?? 0xffff_ffff, true);
  }
  return bytes;
}

function configOf(device: VfioDevice) {
  const region = device.regions[VFIO_PCI_CONFIG_REGION_INDEX]!;
  return {
    read: (offset: number, size: AccessSize) => (offset < region.size ? device.read(region, offset, size) : 0),
    write: (offset: number, size: AccessSize, value: number): void => {
      if (offset < region.size) device.write(region, offset, size, value);
    },
  };
}

/** Without a wired interrupt that the host can hand over there is no pin. */
function visible(physical: PhysicalFunction, device: VfioDevice, isMultiFunction: boolean): PhysicalFunction {
  const { interruptPin, ...identity } = physical.identity;
  const pin = hasLine(device) && interruptPin !== undefined ? { interruptPin } : {};
  return { ...physical, identity: { ...identity, isMultiFunction, ...pin } };
}

function createMsi(
  space: ConfigSpace,
  capability: Capability | undefined,
  snapshot: DataView,
  interrupts: VfioInterrupts,
): Msi | undefined {
  if (capability === undefined) return undefined;
  const flags = snapshot.getUint16(capability.offset + PCI_MSI_FLAGS, true);
  const count = 2 ** ((flags & PCI_MSI_FLAGS_QMASK) >>> 1);
  const shape = {
    ...{ count, capability: capability.offset },
    ...{ is64Bit: (flags & PCI_MSI_FLAGS_64BIT) !== 0, isMaskable: (flags & PCI_MSI_FLAGS_MASKBIT) !== 0 },
  };
  return new Msi(space, shape, interrupts.sink('msi', count));
}

/** MSI-X, and what of BAR n is its table and its pending bits. */
function createMsix(
  space: ConfigSpace,
  found: Capability | undefined,
  snapshot: DataView,
  interrupts: VfioInterrupts,
): { readonly msix: Msix; parts(bar: number): readonly OwnPart[] } | undefined {
  if (found === undefined) return undefined;
  const capability = found.offset;
  const place = (register: number) => {
    const word = snapshot.getUint32(capability + register, true);
    return { bar: word & PCI_MSIX_TABLE_BIR, offset: word - (word & PCI_MSIX_TABLE_BIR) };
  };
  const [table, pba] = [place(PCI_MSIX_TABLE), place(PCI_MSIX_PBA)];
  const physicalCount = (snapshot.getUint16(capability + PCI_MSIX_FLAGS, true) & PCI_MSIX_FLAGS_QSIZE) + 1;
  const count = Math.min(physicalCount, VECTORS_MAX);
  const places = { bar: table.bar, table: table.offset, pbaBar: pba.bar, pba: pba.offset, capability };
  const msix = new Msix(space, count, places, interrupts.sink('msix', count));
  // What the device has beyond that is not the guest's either.
  const hidden = { read: () => 0, write: () => {} };
  const parts = [
    ...msix.parts,
    { ...hidden, ...table, size: Msix.tableBytes(physicalCount) },
    { ...hidden, ...pba, size: Msix.pendingBytes(physicalCount) },
  ];
  return { msix, parts: (bar) => parts.filter((part) => part.bar === bar) };
}
