/**
 * Message-signalled interrupts of the older kind (PCI Local Bus 3.0 §6.8.1): all in a capability, one message for up to 32 vectors that
 * differ in its low bits. What a vector is tied to is the business of its sink, as with MSI-X.
 */
import {
  PCI_CAP_ID_MSI,
  PCI_MSI_ADDRESS_HI,
  PCI_MSI_ADDRESS_LO,
  PCI_MSI_DATA_32,
  PCI_MSI_DATA_64,
  PCI_MSI_FLAGS,
  PCI_MSI_FLAGS_64BIT,
  PCI_MSI_FLAGS_ENABLE,
  PCI_MSI_FLAGS_MASKBIT,
  PCI_MSI_FLAGS_QSIZE,
  PCI_MSI_MASK_32,
  PCI_MSI_MASK_64,
  PCI_MSI_PENDING_32,
  PCI_MSI_PENDING_64,
} from '../abi/pci.ts';
import { bits } from '../base/bits.ts';
import type { ConfigSpace } from './config-space.ts';
import { type MsiMessage, type MsiSink, MsiVectors } from './msi-vectors.ts';

/** Message control: how many vectors there are and how many the driver uses, as powers of two (§6.8.1.3). */
const FLAGS = { CAPABLE: bits(3, 1), ENABLED: bits(6, 4) } as const;
/** The address is that of a word. */
const ADDRESS_BITS = 0xffff_fffc;

export interface MsiShape {
  /** A power of two, up to 32. */
  readonly count: number;
  readonly is64Bit: boolean;
  /** Vectors can be masked one by one. */
  readonly isMaskable: boolean;
  /** Where the capability lies; behind the last one when absent. */
  readonly capability?: number;
}

export class Msi {
  readonly #config: ConfigSpace;
  readonly #shape: MsiShape;
  readonly #capability: number;
  readonly #vectors: MsiVectors;

  constructor(config: ConfigSpace, shape: MsiShape, sink: MsiSink) {
    const { count, is64Bit, isMaskable, capability } = shape;
    this.#config = config;
    this.#shape = shape;
    this.#vectors = new MsiVectors(count, sink, (vector) => this.#message(vector));
    this.#capability = config.addCapability(PCI_CAP_ID_MSI, new Uint8Array(Msi.size(shape) - 2), capability);
    const flags =
      FLAGS.CAPABLE.set(0, Math.log2(count)) |
      (is64Bit ? PCI_MSI_FLAGS_64BIT : 0) |
      (isMaskable ? PCI_MSI_FLAGS_MASKBIT : 0);
    config.define(this.#at(PCI_MSI_FLAGS), 2, flags, PCI_MSI_FLAGS_ENABLE | PCI_MSI_FLAGS_QSIZE);
    config.define(this.#at(PCI_MSI_ADDRESS_LO), 4, 0, ADDRESS_BITS);
    if (is64Bit) config.define(this.#at(PCI_MSI_ADDRESS_HI), 4, 0, 0xffff_ffff);
    config.define(this.#at(is64Bit ? PCI_MSI_DATA_64 : PCI_MSI_DATA_32), 2, 0, 0xffff);
    if (isMaskable) config.define(this.#at(this.#maskRegister), 4, 0, 2 ** count - 1);
  }

  /** Bytes of the capability. */
  static size({ is64Bit, isMaskable }: Pick<MsiShape, 'is64Bit' | 'isMaskable'>): number {
    if (isMaskable) return (is64Bit ? PCI_MSI_PENDING_64 : PCI_MSI_PENDING_32) + 4;
    return (is64Bit ? PCI_MSI_DATA_64 : PCI_MSI_DATA_32) + 2;
  }

  /** Shows what waits, before the guest reads `size` bytes at `offset` of the configuration space. */
  reading(offset: number, size: number): void {
    const register = this.#at(this.#shape.is64Bit ? PCI_MSI_PENDING_64 : PCI_MSI_PENDING_32);
    if (!this.#shape.isMaskable || offset >= register + 4 || offset + size <= register) return;
    let pending = 0;
    for (let vector = 0; vector < this.#vectors.count; vector++) {
      if (this.#vectors.isPending(vector)) pending += 2 ** vector;
    }
    this.#config.show(register, 4, pending);
  }

  /** To be called after the guest's write of `size` bytes at `offset` of the configuration space. */
  written(offset: number, size: number): void {
    if (offset < this.#capability + Msi.size(this.#shape) && offset + size > this.#capability) this.#update();
  }

  /** After the configuration space was reset. */
  reset(): void {
    this.#update();
  }

  #at(register: number): number {
    return this.#capability + register;
  }

  get #maskRegister(): number {
    return this.#shape.is64Bit ? PCI_MSI_MASK_64 : PCI_MSI_MASK_32;
  }

  #update(): void {
    this.#vectors.update((this.#config.read(this.#at(PCI_MSI_FLAGS), 2) & PCI_MSI_FLAGS_ENABLE) !== 0);
  }

  /** What the vector is delivered as, unless it is masked or the driver uses fewer (§6.8.1.5). */
  #message(vector: number): MsiMessage | undefined {
    const { is64Bit, isMaskable, count } = this.#shape;
    const used = Math.min(count, 2 ** FLAGS.ENABLED.get(this.#config.read(this.#at(PCI_MSI_FLAGS), 2)));
    const mask = isMaskable ? this.#config.read(this.#at(this.#maskRegister), 4) : 0;
    if (vector >= used || ((mask >>> vector) & 1) !== 0) return undefined;
    const high = is64Bit ? BigInt(this.#config.read(this.#at(PCI_MSI_ADDRESS_HI), 4)) << 32n : 0n;
    const data = this.#config.read(this.#at(is64Bit ? PCI_MSI_DATA_64 : PCI_MSI_DATA_32), 2);
    const address = high | BigInt(this.#config.read(this.#at(PCI_MSI_ADDRESS_LO), 4));
    return { address, data: data - (data % used) + vector };
  }
}
