/**
 * A root port with a slot (PCI Express Base Specification §7.5.3, §6.7): a bridge to a bus of its own, on which one device is, and can come
 * and go while the guest runs. It has an attention button, which we press to ask for the device, and a power controller, by
 * which the guest says that it has let it go; so drivers end in order. Linux drives it with pciehp.
 */
import {
  PCI_BRIDGE_CONTROL,
  PCI_BRIDGE_CTL_BUS_RESET,
  PCI_CAP_ID_EXP,
  PCI_EXP_DEVCTL,
  PCI_EXP_FLAGS,
  PCI_EXP_FLAGS_SLOT,
  PCI_EXP_LNKCAP,
  PCI_EXP_LNKCAP_DLLLARC,
  PCI_EXP_LNKCAP_SLS_2_5GB,
  PCI_EXP_LNKCTL,
  PCI_EXP_LNKSTA,
  PCI_EXP_LNKSTA_CLS_2_5GB,
  PCI_EXP_LNKSTA_DLLLA,
  PCI_EXP_LNKSTA_NLW_X1,
  PCI_EXP_RTCTL,
  PCI_EXP_SLTCAP,
  PCI_EXP_SLTCAP_ABP,
  PCI_EXP_SLTCAP_AIP,
  PCI_EXP_SLTCAP_HPC,
  PCI_EXP_SLTCAP_NCCS,
  PCI_EXP_SLTCAP_PCP,
  PCI_EXP_SLTCAP_PIP,
  PCI_EXP_SLTCTL,
  PCI_EXP_SLTCTL_ABPE,
  PCI_EXP_SLTCTL_DLLSCE,
  PCI_EXP_SLTCTL_HPIE,
  PCI_EXP_SLTCTL_PCC,
  PCI_EXP_SLTCTL_PDCE,
  PCI_EXP_SLTSTA,
  PCI_EXP_SLTSTA_ABP,
  PCI_EXP_SLTSTA_DLLSC,
  PCI_EXP_SLTSTA_PDC,
  PCI_EXP_SLTSTA_PDS,
  PCI_EXP_TYPE_ROOT_PORT,
  PCI_MEMORY_BASE,
  PCI_PREF_BASE_UPPER32,
  PCI_PREF_LIMIT_UPPER32,
  PCI_PREF_MEMORY_BASE,
  PCI_PREF_RANGE_TYPE_64,
  PCI_PRIMARY_BUS,
  PCI_SECONDARY_BUS,
} from '../abi/pci.ts';
import { KiB } from '../base/units.ts';
import type { AccessSize } from '../bus/mmio-device.ts';
import { type BarSpace, Bars } from './bars.ts';
import type { BusFunction } from './bus-function.ts';
import { ConfigSpace } from './config-space.ts';
import type { MsiMessage } from './msi-vectors.ts';
import { Msix } from './msix.ts';

/** Red Hat's "PCIe Root port". Base class 06, subclass 04: a bridge between PCI buses. */
const IDENTITY = { vendorId: 0x1b36, deviceId: 0x000c, classCode: 0x06_04_00, interruptPin: 1, isBridge: true };
/** Version 2 of the capability, and what it takes behind its id. */
const EXPRESS_VERSION = 2;
const EXPRESS_BYTES = 0x3c - 2;
const PHYSICAL_SLOT_SHIFT = 19;
const PORT_NUMBER_SHIFT = 24;
const MSIX_BYTES = 4 * KiB;
const PBA = MSIX_BYTES / 2;

/** Events of the slot, and the bits that let each interrupt. */
const EVENTS = [
  [PCI_EXP_SLTSTA_ABP, PCI_EXP_SLTCTL_ABPE],
  [PCI_EXP_SLTSTA_PDC, PCI_EXP_SLTCTL_PDCE],
  [PCI_EXP_SLTSTA_DLLSC, PCI_EXP_SLTCTL_DLLSCE],
] as const;
const EVENT_BITS = EVENTS.reduce((mask, [event]) => mask | event, 0);

export interface RootPortWorld {
  readonly space: BarSpace;
  /** Its configuration space, as the guest may see it. */
  readonly bytes: DataView;
  /** Unlike those of other ports: what the guest calls the slot. */
  readonly slot: number;
  readonly child: BusFunction;
  /** Delivers a message of the port's own. */
  deliver(message: MsiMessage): void;
  /** The guest has let the device go: it may be changed, or taken away. */
  released(): void;
}

export class RootPort implements BusFunction {
  readonly name: string;
  readonly #world: RootPortWorld;
  readonly #config: ConfigSpace;
  readonly #bars: Bars;
  readonly #msix: Msix;
  /** The Express capability. */
  readonly #express: number;
  #message: MsiMessage | undefined;
  #isPending = false;
  #isInterrupting = false;
  #isPlugged = true;
  /** The button was pressed for the device that is there. */
  #isAskedFor = false;

  constructor(world: RootPortWorld) {
    this.#world = world;
    this.name = `the port of ${world.child.name}`;
    const config = new ConfigSpace(IDENTITY, world.bytes);
    this.#config = config;
    config.define(PCI_PRIMARY_BUS, 4, 0, 0x00ff_ffff);
    config.define(PCI_MEMORY_BASE, 4, 0, 0xfff0_fff0);
    config.define(PCI_PREF_MEMORY_BASE, 4, PCI_PREF_RANGE_TYPE_64 * 0x1_0001, 0xfff0_fff0);
    config.define(PCI_PREF_BASE_UPPER32, 4, 0, 0xffff_ffff);
    config.define(PCI_PREF_LIMIT_UPPER32, 4, 0, 0xffff_ffff);
    config.define(PCI_BRIDGE_CONTROL, 2, 0, 0xffff);
    this.#express = this.#addExpress(world.slot);
    this.#msix = new Msix(
      config,
      1,
      { bar: 0, table: 0, pba: PBA },
      {
        route: (_, message) => {
          this.#message = message;
          if (message && this.#isPending) this.#interrupt();
        },
        isPending: () => this.#isPending,
        enabled: () => {},
      },
    );
    const device = this.#msix.device(`MSI-X of ${this.name}`);
    this.#bars = new Bars(
      config,
      [{ index: 0, size: MSIX_BYTES, is64Bit: false, isPrefetchable: false, device }],
      world.space,
    );
    this.#showPresence();
  }

  /** The bus behind it, as the guest has numbered it; 0 before. */
  get secondaryBus(): number {
    return this.#config.read(PCI_SECONDARY_BUS, 1);
  }

  /** What is on that bus. */
  get child(): BusFunction | undefined {
    return this.#isPlugged ? this.#world.child : undefined;
  }

  /** Asks the guest for the device: `released` follows when it has let it go. False where it is gone already. */
  pressButton(): boolean {
    if (!this.#isPlugged) return false;
    this.#isAskedFor = true;
    this.#raise(PCI_EXP_SLTSTA_ABP);
    return true;
  }

  /** The device is there again. False where it never went. */
  plug(): boolean {
    if (this.#isPlugged) return false;
    this.#isPlugged = true;
    this.#showPresence();
    this.#raise(PCI_EXP_SLTSTA_PDC | PCI_EXP_SLTSTA_DLLSC);
    return true;
  }

  readConfig(offset: number, size: AccessSize): number {
    return this.#config.read(offset, size);
  }

  writeConfig(offset: number, size: AccessSize, value: number): void {
    const before = { control: this.#slotControl, bridge: this.#config.read(PCI_BRIDGE_CONTROL, 2) };
    this.#config.write(offset, size, value);
    this.#bars.written(offset, size);
    this.#msix.written(offset, size);
    this.#clearEvents(offset, size, value);
    const wasReset = (this.#config.read(PCI_BRIDGE_CONTROL, 2) & ~before.bridge & PCI_BRIDGE_CTL_BUS_RESET) !== 0;
    if (wasReset) this.#world.child.reset();
    if ((this.#slotControl & ~before.control & PCI_EXP_SLTCTL_PCC) !== 0) this.#powerOff();
    this.#updateInterrupt();
  }

  /** A device that was asked for is gone with the guest that had it. */
  reset(): void {
    this.#world.child.reset();
    this.#config.reset();
    this.#bars.reset();
    this.#msix.reset();
    this.#isPending = false;
    this.#isInterrupting = false;
    if (this.#isAskedFor) this.#release();
    else this.#showPresence();
  }

  #addExpress(slot: number): number {
    const offset = this.#config.addCapability(PCI_CAP_ID_EXP, new Uint8Array(EXPRESS_BYTES));
    const define = (register: number, size: AccessSize, value: number, writable = 0) =>
      this.#config.define(offset + register, size, value, writable);
    define(PCI_EXP_FLAGS, 2, EXPRESS_VERSION | (PCI_EXP_TYPE_ROOT_PORT << 4) | PCI_EXP_FLAGS_SLOT);
    define(PCI_EXP_DEVCTL, 2, 0, 0xffff);
    define(
      PCI_EXP_LNKCAP,
      4,
      ((slot << PORT_NUMBER_SHIFT) | PCI_EXP_LNKCAP_DLLLARC | PCI_EXP_LNKSTA_NLW_X1 | PCI_EXP_LNKCAP_SLS_2_5GB) >>> 0,
    );
    define(PCI_EXP_LNKCTL, 2, 0, 0xffff);
    // No command takes time, so none is reported as completed (NCCS).
    const abilities = [PCI_EXP_SLTCAP_ABP, PCI_EXP_SLTCAP_PCP, PCI_EXP_SLTCAP_AIP, PCI_EXP_SLTCAP_PIP];
    const capabilities = [...abilities, PCI_EXP_SLTCAP_HPC, PCI_EXP_SLTCAP_NCCS].reduce((mask, bit) => mask | bit);
    define(PCI_EXP_SLTCAP, 4, ((slot << PHYSICAL_SLOT_SHIFT) | capabilities) >>> 0);
    define(PCI_EXP_SLTCTL, 2, 0, 0x1fff);
    define(PCI_EXP_RTCTL, 2, 0, 0x1f);
    return offset;
  }

  get #slotControl(): number {
    return this.#config.read(this.#express + PCI_EXP_SLTCTL, 2);
  }

  get #slotStatus(): number {
    return this.#config.read(this.#express + PCI_EXP_SLTSTA, 2);
  }

  set #slotStatus(value: number) {
    this.#config.show(this.#express + PCI_EXP_SLTSTA, 2, value);
  }

  /** Slot status: what the guest writes as 1 it has seen. */
  #clearEvents(offset: number, size: AccessSize, value: number): void {
    const start = this.#express + PCI_EXP_SLTSTA - offset;
    if (start <= -2 || start >= size) return;
    const seen = start >= 0 ? value >>> (8 * start) : value << (-8 * start);
    this.#slotStatus &= ~(seen & EVENT_BITS);
  }

  /** The guest takes the power from the slot: when we have asked, that is its answer. */
  #powerOff(): void {
    if (!this.#isPlugged) return;
    this.#world.child.reset();
    if (!this.#isAskedFor) return;
    this.#release();
    this.#raise(PCI_EXP_SLTSTA_PDC | PCI_EXP_SLTSTA_DLLSC);
  }

  #release(): void {
    this.#isAskedFor = false;
    this.#isPlugged = false;
    this.#showPresence();
    this.#world.released();
  }

  #showPresence(): void {
    const link = this.#isPlugged ? PCI_EXP_LNKSTA_DLLLA : 0;
    this.#config.show(this.#express + PCI_EXP_LNKSTA, 2, PCI_EXP_LNKSTA_CLS_2_5GB | PCI_EXP_LNKSTA_NLW_X1 | link);
    this.#slotStatus = (this.#slotStatus & ~PCI_EXP_SLTSTA_PDS) | (this.#isPlugged ? PCI_EXP_SLTSTA_PDS : 0);
  }

  #raise(events: number): void {
    this.#slotStatus |= events;
    this.#updateInterrupt();
  }

  /** §6.7.3.4: a message when an event and its bit come together, and not again before all of them have gone. */
  #updateInterrupt(): void {
    const [control, status] = [this.#slotControl, this.#slotStatus];
    const isInterrupting =
      (control & PCI_EXP_SLTCTL_HPIE) !== 0 &&
      EVENTS.some(([event, enable]) => (status & event) !== 0 && (control & enable) !== 0);
    const begins = isInterrupting && !this.#isInterrupting;
    this.#isInterrupting = isInterrupting;
    if (begins && this.#msix.isEnabled) this.#interrupt();
  }

  #interrupt(): void {
    this.#isPending = this.#message === undefined;
    if (this.#message) this.#world.deliver(this.#message);
  }
}
