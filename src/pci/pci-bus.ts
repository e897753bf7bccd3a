/**
 * The guest's PCI bus 0, as its ECAM window shows it (PCI Express Base Specification §7.2.2; Linux's pci-host-ecam-generic): 4 KiB of
 * configuration space for each function.
 *
 * All of it is kept in memory, current after every write, as the registers of virtio-mmio are: so the guest can read it
 * without leaving, which it does some hundred times for each device when it boots.
 */
import { isAligned } from '../base/bits.ts';
import type { AccessSize, MmioDevice } from '../bus/mmio-device.ts';
import { type BusFunction, CONFIG_SPACE_BYTES } from './bus-function.ts';

/** Eight functions of each of 32 devices. */
export const FUNCTIONS = 256;
/** The window of one bus. */
export const BUS_BYTES = FUNCTIONS * CONFIG_SPACE_BYTES;
/** What a read finds where no function is. */
const ALL_ONES = 0xff;

export class PciBus implements MmioDevice {
  readonly name = 'ECAM';
  readonly #memory: DataView;
  readonly #functions = new Map<number, BusFunction>();

  /** `memory`: BUS_BYTES that the guest may see as they are. */
  constructor(memory: DataView) {
    this.#memory = memory;
    new Uint8Array(memory.buffer, memory.byteOffset, BUS_BYTES).fill(ALL_ONES);
  }

  /** The configuration space of function `devfn`, for whoever keeps it current. */
  memoryOf(devfn: number): DataView {
    return new DataView(this.#memory.buffer, this.#memory.byteOffset + devfn * CONFIG_SPACE_BYTES, CONFIG_SPACE_BYTES);
  }

  add(devfn: number, fn: BusFunction): void {
    this.#functions.set(devfn, fn);
  }

  reset(): void {
    for (const fn of this.#functions.values()) fn.reset();
  }

  /** Accesses that are not aligned find nothing (§7.2.2 leaves them to the host). */
  read(offset: number, size: AccessSize): number {
    const fn = this.#functions.get(Math.floor(offset / CONFIG_SPACE_BYTES));
    if (!fn || !isAligned(offset, size)) return 2 ** (8 * size) - 1;
    return fn.readConfig(offset % CONFIG_SPACE_BYTES, size);
  }

  write(offset: number, size: AccessSize, value: number): void {
    if (!isAligned(offset, size)) return;
    this.#functions.get(Math.floor(offset / CONFIG_SPACE_BYTES))?.writeConfig(offset % CONFIG_SPACE_BYTES, size, value);
  }
}
