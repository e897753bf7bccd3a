/**
 * A virtio device as a PCI function (virtio 1.4 §4.1.2): its configuration space, the BARs with the structures of the transport, and
 * MSI-X. What a vector is tied to, and who listens to notifications, is told to its world.
 */
import {
  VIRTIO_ID_BALLOON,
  VIRTIO_ID_BLOCK,
  VIRTIO_ID_CONSOLE,
  VIRTIO_ID_FS,
  VIRTIO_ID_GPU,
  VIRTIO_ID_INPUT,
  VIRTIO_ID_NET,
  VIRTIO_ID_SCSI,
  VIRTIO_ID_SOUND,
} from '../abi/virtio.ts';
import { virtio_pci_cap } from '../abi/virtio-pci.ts';
import { contains } from '../base/range.ts';
import { KiB } from '../base/units.ts';
import type { AccessSize, MmioDevice } from '../bus/mmio-device.ts';
import { type Bar, type BarSpace, Bars } from '../pci/bars.ts';
import type { BusFunction } from '../pci/bus-function.ts';
import { ConfigSpace } from '../pci/config-space.ts';
import type { MsiSink } from '../pci/msi-vectors.ts';
import { Msix } from '../pci/msix.ts';
import {
  addCapabilities,
  MSIX_BAR,
  NOTIFY_MULTIPLIER,
  PCI_CFG_DATA,
  SHARED_MEMORY_BAR,
  STRUCTURES,
  STRUCTURES_BAR,
  STRUCTURES_BYTES,
} from './pci-capabilities.ts';
import { PciTransport, type PciTransportWorld } from './pci-transport.ts';
import type { DeviceDescription } from './transport-state.ts';

/** §4.1.2.1. */
const VENDOR = 0x1af4;
const DEVICE_OF_ID_0 = 0x1040;
const REVISION = 1;
/** No older driver shall take it for one of its own (§4.1.2.1: 0x40 or higher). */
const SUBSYSTEM = 0x1100;

/** Base class, subclass, interface (PCI Code and ID Assignment): for those who look; drivers go by the ids. */
const CLASSES: Readonly<Record<number, number>> = {
  [VIRTIO_ID_NET]: 0x02_00_00,
  [VIRTIO_ID_BLOCK]: 0x01_00_00,
  [VIRTIO_ID_SCSI]: 0x01_00_00,
  [VIRTIO_ID_FS]: 0x01_80_00,
  [VIRTIO_ID_GPU]: 0x03_80_00,
  [VIRTIO_ID_SOUND]: 0x04_01_00,
  [VIRTIO_ID_BALLOON]: 0x05_00_00,
  [VIRTIO_ID_CONSOLE]: 0x07_80_00,
  [VIRTIO_ID_INPUT]: 0x09_80_00,
};
const CLASS_OTHER = 0xff_00_00;

/** The pending bits lie behind the table in the same BAR; both have room for as many vectors as there can be queues. */
const MSIX_BYTES_MIN = 4 * KiB;

export interface PciFunctionWorld extends Omit<PciTransportWorld, 'vectorCount'> {
  readonly name: string;
  /** Its configuration space, where the guest may see it as it is. */
  readonly bytes: DataView | undefined;
  /** It is function 0 of a device that has others. */
  readonly isMultiFunction: boolean;
  readonly space: BarSpace;
  readonly sink: MsiSink;
  /** Whether the guest has disabled wired interrupts, after a write that may have changed it. */
  commandChanged(command: number): void;
  /** The notification addresses begin at `base`, four bytes for each queue; or nowhere. */
  notifyPlaced(base: number | undefined): void;
  /** The shared memory lies at `base`, its regions at their offsets; or nowhere. */
  sharedMemoryPlaced(base: number | undefined): void;
  /** From now on reads of the configuration space have effects. */
  readsHaveEffects(): void;
}

export class VirtioPciFunction implements BusFunction {
  readonly name: string;
  readonly transport: PciTransport;
  readonly #world: PciFunctionWorld;
  readonly #config: ConfigSpace;
  readonly #bars: Bars;
  readonly #msix: Msix;
  /** Of the PCI configuration access capability. */
  readonly #access: number;
  readonly #structures: MmioDevice;

  /** `device.sharedMemory`: with offsets in their BAR instead of addresses. */
  constructor(device: DeviceDescription, world: PciFunctionWorld) {
    this.name = world.name;
    this.#world = world;
    const vectorCount = device.queueSizes.length + 1;
    this.#config = new ConfigSpace(
      {
        ...{ vendorId: VENDOR, deviceId: DEVICE_OF_ID_0 + device.id, revision: REVISION },
        ...{ subsystemVendorId: VENDOR, subsystemId: SUBSYSTEM },
        ...{ classCode: CLASSES[device.id] ?? CLASS_OTHER, interruptPin: 1 },
        isMultiFunction: world.isMultiFunction,
      },
      world.bytes,
    );
    this.transport = new PciTransport(device, { ...world, vectorCount });
    const sharedMemory = device.sharedMemory.map(({ id, base, size }) => ({ id, offset: base, size }));
    this.#access = addCapabilities(this.#config, { configBytes: device.config.length, sharedMemory });
    const msixBytes = powerOfTwo(Math.max(MSIX_BYTES_MIN, 2 * Msix.tableBytes(vectorCount)));
    const places = { bar: MSIX_BAR, table: 0, pba: msixBytes / 2 };
    this.#msix = new Msix(this.#config, vectorCount, places, world.sink);
    this.#structures = this.#createStructures();
    const sharedBytes = Math.max(0, ...sharedMemory.map(({ offset, size }) => offset + size));
    this.#bars = new Bars(this.#config, this.#describeBars(msixBytes, sharedBytes), world.space);
  }

  readConfig(offset: number, size: AccessSize): number {
    if (offset === this.#access + PCI_CFG_DATA) {
      this.#accessBar((at, width) => {
        this.#config.show(this.#access + PCI_CFG_DATA, 4, this.#structures.read(at, width) ?? 0);
      });
    }
    return this.#config.read(offset, size);
  }

  writeConfig(offset: number, size: AccessSize, value: number): void {
    this.#config.write(offset, size, value);
    this.#bars.written(offset, size);
    this.#msix.written(offset, size);
    this.#world.commandChanged(this.#config.command);
    if (offset === this.#access + PCI_CFG_DATA) {
      this.#accessBar((at, width) => {
        this.#structures.write(at, width, value);
      });
    } else if (offset > this.#access && offset < this.#access + PCI_CFG_DATA) this.#world.readsHaveEffects();
  }

  reset(): void {
    this.transport.reset();
    this.#config.reset();
    this.#bars.reset();
    this.#msix.reset();
  }

  /** §4.1.4.9: an access to the structures through the configuration space, of as many bytes as the capability says. */
  #accessBar(access: (offset: number, width: AccessSize) => void): void {
    const field = ({ offset }: { readonly offset: number }, size: AccessSize) =>
      this.#config.read(this.#access + offset, size);
    const width = field(virtio_pci_cap.fields.length, 4);
    const offset = field(virtio_pci_cap.fields.offset, 4);
    if (field(virtio_pci_cap.fields.bar, 1) !== STRUCTURES_BAR || offset >= STRUCTURES_BYTES) return;
    if (width !== 1 && width !== 2 && width !== 4) return;
    access(offset, width);
  }

  #describeBars(msixBytes: number, sharedBytes: number): readonly Bar[] {
    const shared: Bar = {
      ...{ index: SHARED_MEMORY_BAR, size: powerOfTwo(sharedBytes), is64Bit: true, isPrefetchable: true },
      // What exits found no memory: holes, and regions in which nothing is shown.
      device: { name: `shared memory of ${this.name}`, read: () => 0, write: () => {} },
      placed: (base) => this.#world.sharedMemoryPlaced(base),
    };
    return [
      {
        ...{ index: STRUCTURES_BAR, size: STRUCTURES_BYTES, is64Bit: false, isPrefetchable: false },
        device: this.#structures,
        placed: (base) => this.#world.notifyPlaced(base === undefined ? undefined : base + STRUCTURES.notify.base),
      },
      {
        ...{ index: MSIX_BAR, size: msixBytes, is64Bit: false, isPrefetchable: false },
        device: this.#msix.device(`MSI-X of ${this.name}`),
      },
      ...(sharedBytes > 0 ? [shared] : []),
    ];
  }

  #createStructures(): MmioDevice {
    const { transport } = this;
    const { common, isr, device, notify } = STRUCTURES;
    const isIn = (place: { readonly base: number; readonly size: number }, offset: number, size: number) =>
      contains(place, { base: offset, size });
    return {
      name: this.name,
      read: (offset, size) => {
        if (isIn(common, offset, size)) return transport.readCommon(offset - common.base, size);
        if (isIn(device, offset, size)) return transport.readConfig(offset - device.base, size);
        return offset === isr.base ? transport.readIsr() : 0;
      },
      write: (offset, size, value) => {
        if (isIn(common, offset, size)) transport.writeCommon(offset - common.base, size, value);
        else if (isIn(device, offset, size)) transport.writeConfig(offset - device.base, size, value);
        else if (isIn(notify, offset, size)) transport.notify((offset - notify.base) / NOTIFY_MULTIPLIER);
      },
    };
  }
}

function powerOfTwo(size: number): number {
  return size === 0 ? 0 : 2 ** Math.ceil(Math.log2(size));
}
