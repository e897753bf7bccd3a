/**
 * Message-signalled interrupts (PCI Local Bus 3.0 §6.8.2): the capability, the table that the driver fills, and the pending bits.
 * What an unmasked vector is tied to is the business of its sink; interrupts never pass through here.
 */
import {
  PCI_CAP_ID_MSIX,
  PCI_MSIX_ENTRY_CTRL_MASKBIT,
  PCI_MSIX_ENTRY_DATA,
  PCI_MSIX_ENTRY_LOWER_ADDR,
  PCI_MSIX_ENTRY_SIZE,
  PCI_MSIX_ENTRY_UPPER_ADDR,
  PCI_MSIX_ENTRY_VECTOR_CTRL,
  PCI_MSIX_FLAGS,
  PCI_MSIX_FLAGS_ENABLE,
  PCI_MSIX_FLAGS_MASKALL,
} from '../abi/pci.ts';
import { alignUp } from '../base/bits.ts';
import type { AccessSize, MmioDevice } from '../bus/mmio-device.ts';
import type { ConfigSpace } from './config-space.ts';
import { type MsiMessage, type MsiSink, MsiVectors } from './msi-vectors.ts';

/** Pending bits are read as 64-bit words (§6.8.2). */
const PBA_WORD_BYTES = 8;

/** Where table and pending bits lie in their BARs, multiples of 8. */
export interface MsixPlaces {
  readonly bar: number;
  readonly table: number;
  /** Another one than `bar`, where it is. */
  readonly pbaBar?: number;
  readonly pba: number;
  /** Where the capability lies; behind the last one when absent. */
  readonly capability?: number;
}

/** Registers in a BAR, at offsets from their first. */
export interface MsixPart {
  readonly bar: number;
  readonly offset: number;
  readonly size: number;
  read(offset: number, size: AccessSize): number;
  write(offset: number, size: AccessSize, value: number): void;
}

export class Msix {
  readonly #places: MsixPlaces;
  readonly #config: ConfigSpace;
  readonly #capability: number;
  readonly #table: DataView;
  readonly #vectors: MsiVectors;

  constructor(config: ConfigSpace, count: number, places: MsixPlaces, sink: MsiSink) {
    this.#config = config;
    this.#places = places;
    this.#table = new DataView(new ArrayBuffer(Msix.tableBytes(count)));
    this.#vectors = new MsiVectors(count, sink, (vector) => this.#message(vector));
    const body = new DataView(new ArrayBuffer(10));
    body.setUint16(0, count - 1, true);
    body.setUint32(2, places.table | places.bar, true);
    body.setUint32(6, places.pba | (places.pbaBar ?? places.bar), true);
    this.#capability = config.addCapability(PCI_CAP_ID_MSIX, new Uint8Array(body.buffer), places.capability);
    config.define(this.#flags, 2, count - 1, PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
    this.#maskAll();
  }

  static tableBytes(count: number): number {
    return count * PCI_MSIX_ENTRY_SIZE;
  }

  static pendingBytes(count: number): number {
    return alignUp(Math.ceil(count / 8), PBA_WORD_BYTES);
  }

  get isEnabled(): boolean {
    return this.#vectors.isEnabled;
  }

  /** To be called after the guest's write of `size` bytes at `offset` of the configuration space. */
  written(offset: number, size: number): void {
    if (offset < this.#flags + 2 && offset + size > this.#flags) this.#update();
  }

  /** What answers in the BAR, which has nothing else in it. */
  device(name: string): MmioDevice {
    const parts = this.parts;
    const find = (offset: number, size: number) =>
      parts.find((part) => offset >= part.offset && offset + size <= part.offset + part.size);
    return {
      name,
      read: (offset, size) => {
        const part = find(offset, size);
        return part ? part.read(offset - part.offset, size) : 0;
      },
      write: (offset, size, value) => {
        const part = find(offset, size);
        part?.write(offset - part.offset, size, value);
      },
    };
  }

  /** The table and the pending bits, each as a part of its BAR. */
  get parts(): readonly MsixPart[] {
    const { bar, table, pbaBar, pba } = this.#places;
    return [
      {
        ...{ bar, offset: table, size: this.#table.byteLength },
        read: (offset, size) => this.#readTable(offset, size),
        write: (offset, size, value) => this.#writeTable(offset, size, value),
      },
      {
        ...{ bar: pbaBar ?? bar, offset: pba, size: Msix.pendingBytes(this.#vectors.count) },
        read: (offset, size) => this.#readPending(offset, size),
        write: () => {},
      },
    ];
  }

  #readTable(offset: number, size: AccessSize): number {
    if (size === 4) return this.#table.getUint32(offset, true);
    return size === 2 ? this.#table.getUint16(offset, true) : this.#table.getUint8(offset);
  }

  /** §6.8.2: words and double words, aligned; whatever else is ignored. */
  #writeTable(offset: number, size: AccessSize, value: number): void {
    if (size !== 4 || offset % 4 !== 0) return;
    const isControl = offset % PCI_MSIX_ENTRY_SIZE === PCI_MSIX_ENTRY_VECTOR_CTRL;
    this.#table.setUint32(offset, isControl ? value & PCI_MSIX_ENTRY_CTRL_MASKBIT : value, true);
    this.#vectors.updateVector(Math.floor(offset / PCI_MSIX_ENTRY_SIZE));
  }

  /** The bits of what waits, from `offset` on. They cannot be written. */
  #readPending(offset: number, size: AccessSize): number {
    let value = 0;
    for (let bit = 0; bit < 8 * size; bit++) {
      if (this.#vectors.isPending(8 * offset + bit)) value |= 1 << bit;
    }
    return value >>> 0;
  }

  /** After the configuration space was reset. */
  reset(): void {
    this.#maskAll();
    this.#update();
  }

  get #flags(): number {
    return this.#capability + PCI_MSIX_FLAGS;
  }

  #update(): void {
    this.#vectors.update((this.#config.read(this.#flags, 2) & PCI_MSIX_FLAGS_ENABLE) !== 0);
  }

  /** What the vector is delivered as, unless it is masked. */
  #message(vector: number): MsiMessage | undefined {
    const word = (register: number) => this.#table.getUint32(vector * PCI_MSIX_ENTRY_SIZE + register, true);
    const isMasked =
      (this.#config.read(this.#flags, 2) & PCI_MSIX_FLAGS_MASKALL) !== 0 ||
      (word(PCI_MSIX_ENTRY_VECTOR_CTRL) & PCI_MSIX_ENTRY_CTRL_MASKBIT) !== 0;
    if (isMasked) return undefined;
    const high = BigInt(word(PCI_MSIX_ENTRY_UPPER_ADDR)) << 32n;
    return { address: high | BigInt(word(PCI_MSIX_ENTRY_LOWER_ADDR)), data: word(PCI_MSIX_ENTRY_DATA) };
  }

  /** As after a reset (§6.8.2.9). */
  #maskAll(): void {
    new Uint8Array(this.#table.buffer).fill(0);
    for (let vector = 0; vector < this.#vectors.count; vector++) {
      this.#table.setUint32(
        vector * PCI_MSIX_ENTRY_SIZE + PCI_MSIX_ENTRY_VECTOR_CTRL,
        PCI_MSIX_ENTRY_CTRL_MASKBIT,
        true,
      );
    }
  }
}
