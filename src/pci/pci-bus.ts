/**
 * The guest's PCI buses, as the ECAM window shows them (PCI Express Base Specification §7.2.2; Linux's pci-host-ecam-generic): 4 KiB
 * of configuration space for each function. Bus 0 has what the config names; behind each root port on it is a bus of one function.
 *
 * Bus 0 is kept in memory, current after every write, as the registers of virtio-mmio are: so the guest can read it
 * without leaving, which it does some hundred times for each device when it boots.
 */
import { isAligned } from '../base/bits.ts';
import type { AccessSize, MmioDevice } from '../bus/mmio-device.ts';
import { type BusFunction, CONFIG_SPACE_BYTES } from './bus-function.ts';
import type { RootPort } from './root-port.ts';

/** The window of one bus: eight functions of each of 32 devices. */
export const BUS_BYTES = 256 * CONFIG_SPACE_BYTES;
/** The root bus, and the buses behind root ports. */
export const BUSES = 16;
/** What a read finds where no function is. */
const ALL_ONES = 0xff;

export class PciBus implements MmioDevice {
  readonly name = 'ECAM';
  readonly #memory: DataView;
  readonly #functions = new Map<number, BusFunction>();
  readonly #ports: RootPort[] = [];

  /** `memory`: BUS_BYTES that the guest may see as they are. */
  constructor(memory: DataView) {
    this.#memory = memory;
    new Uint8Array(memory.buffer, memory.byteOffset, BUS_BYTES).fill(ALL_ONES);
  }

  /** The configuration space of function `devfn` of bus 0, for whoever keeps it current. */
  memoryOf(devfn: number): DataView {
    return new DataView(this.#memory.buffer, this.#memory.byteOffset + devfn * CONFIG_SPACE_BYTES, CONFIG_SPACE_BYTES);
  }

  add(devfn: number, fn: BusFunction): void {
    this.#functions.set(devfn, fn);
  }

  addPort(devfn: number, port: RootPort): void {
    this.add(devfn, port);
    this.#ports.push(port);
  }

  reset(): void {
    for (const fn of this.#functions.values()) fn.reset();
  }

  /** Accesses that are not aligned find nothing (§7.2.2 leaves them to the host). */
  read(offset: number, size: AccessSize): number {
    const fn = this.#functionAt(offset);
    if (!fn || !isAligned(offset, size)) return 2 ** (8 * size) - 1;
    return fn.readConfig(offset % CONFIG_SPACE_BYTES, size);
  }

  write(offset: number, size: AccessSize, value: number): void {
    if (!isAligned(offset, size)) return;
    this.#functionAt(offset)?.writeConfig(offset % CONFIG_SPACE_BYTES, size, value);
  }

  #functionAt(offset: number): BusFunction | undefined {
    const bus = Math.floor(offset / BUS_BYTES);
    const devfn = Math.floor((offset % BUS_BYTES) / CONFIG_SPACE_BYTES);
    if (bus === 0) return this.#functions.get(devfn);
    return devfn === 0 ? this.#ports.find(({ secondaryBus }) => secondaryBus === bus)?.child : undefined;
  }
}
