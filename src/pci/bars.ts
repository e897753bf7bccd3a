/**
 * The base address registers of a function (PCI Local Bus 3.0 §6.2.5): the guest sizes, moves and disables them, and what lies
 * behind them comes and goes on the bus.
 */
import {
  PCI_BASE_ADDRESS_0,
  PCI_BASE_ADDRESS_5,
  PCI_BASE_ADDRESS_MEM_PREFETCH,
  PCI_BASE_ADDRESS_MEM_TYPE_64,
  PCI_COMMAND,
  PCI_COMMAND_MEMORY,
} from '../abi/pci.ts';
import type { AddressRange, GuestAddress } from '../base/range.ts';
import type { MmioDevice } from '../bus/mmio-device.ts';
import type { ConfigSpace } from './config-space.ts';

/** What a 32-bit register counts to. */
const FOUR_GIB = 2 ** 32;

export interface Bar {
  /** 0…5; a 64-bit one has the next register too. */
  readonly index: number;
  /** Bytes: a power of two, ≥ 16. */
  readonly size: number;
  readonly is64Bit: boolean;
  readonly isPrefetchable: boolean;
  /** Answers the accesses that exit. */
  readonly device: MmioDevice;
  /**
   * The guest has put it at `base`, where it is on the bus already; or nowhere (undefined), and it still is on the bus. Here
   * memory slots and ioeventfds come and go.
   */
  placed?(base: GuestAddress | undefined): void;
}

/** Where BARs may lie. */
export interface BarSpace {
  /** False where none may: outside the host bridge's windows, or where another one lies. */
  attach(range: AddressRange, device: MmioDevice): boolean;
  detach(range: AddressRange): void;
}

export class Bars {
  readonly #config: ConfigSpace;
  readonly #bars: readonly Bar[];
  readonly #space: BarSpace;
  /** Where they lie now. */
  readonly #bases: (GuestAddress | undefined)[];

  constructor(config: ConfigSpace, bars: readonly Bar[], space: BarSpace) {
    this.#config = config;
    this.#bars = bars;
    this.#space = space;
    this.#bases = bars.map(() => undefined);
    for (const { index, size, is64Bit, isPrefetchable } of bars) {
      const flags = (is64Bit ? PCI_BASE_ADDRESS_MEM_TYPE_64 : 0) | (isPrefetchable ? PCI_BASE_ADDRESS_MEM_PREFETCH : 0);
      config.define(register(index), 4, flags, size < FOUR_GIB ? FOUR_GIB - size : 0);
      if (is64Bit) config.define(register(index + 1), 4, 0, FOUR_GIB - Math.max(size / FOUR_GIB, 1));
    }
  }

  /** To be called after the guest's write of `size` bytes at `offset` of the configuration space. */
  written(offset: number, size: number): void {
    const touches = (from: number, end: number) => offset < end && offset + size > from;
    if (touches(PCI_COMMAND, PCI_COMMAND + 2) || touches(PCI_BASE_ADDRESS_0, PCI_BASE_ADDRESS_5 + 4)) this.#move();
  }

  /** After the configuration space was reset. */
  reset(): void {
    this.#move();
  }

  /** Those that leave go first: another one may come to where they were. */
  #move(): void {
    const wanted = this.#bars.map((bar) => this.#wanted(bar));
    this.#bars.forEach((bar, number) => {
      const base = this.#bases[number];
      if (base === undefined || base === wanted[number]) return;
      bar.placed?.(undefined);
      this.#space.detach({ base, size: bar.size });
      this.#bases[number] = undefined;
    });
    this.#bars.forEach((bar, number) => {
      const base = wanted[number];
      if (base === undefined || base === this.#bases[number]) return;
      if (!this.#space.attach({ base, size: bar.size }, bar.device)) return;
      this.#bases[number] = base;
      bar.placed?.(base);
    });
  }

  /** An address of 0 is what a BAR has that was never placed. */
  #wanted({ index, is64Bit, size }: Bar): GuestAddress | undefined {
    if ((this.#config.command & PCI_COMMAND_MEMORY) === 0) return undefined;
    const low = this.#config.read(register(index), 4);
    const high = is64Bit ? this.#config.read(register(index + 1), 4) : 0;
    const base = high * FOUR_GIB + low - (low % Math.min(size, FOUR_GIB));
    return base === 0 ? undefined : base;
  }
}

function register(index: number): number {
  return PCI_BASE_ADDRESS_0 + 4 * index;
}
