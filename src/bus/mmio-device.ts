/** What answers memory-mapped accesses of the guest: registers at offsets from the device's base. */

export type AccessSize = 1 | 2 | 4;

export interface MmioDevice {
  /** Name in logs, as its manual or the config calls it: "pl011". */
  readonly name: string;
  /**
   * The value at `offset`, zero-extended, 0 … 2^(8·size) - 1. The guest chooses `offset`; it may be unaligned.
   * `undefined` where the device has no register: the bus reads that as 0 and logs the place.
   */
  read(offset: number, size: AccessSize): number | undefined;
  /** `false` where the device has no register: the bus logs the place. */
  // biome-ignore lint/suspicious/noConfusingVoidType: most devices return nothing, and need not say so
  write(offset: number, size: AccessSize, value: number): void | boolean;
  /** 8-byte accesses, for devices that care; the bus splits them (low half first) for all others. */
  read64?(offset: number): bigint;
  write64?(offset: number, value: bigint): void;
}

/**
 * A device whose registers may also be read without an exit: its register page is a read-only memory slot, and the
 * device keeps the bytes of that page current (docs/architecture.md, "Register pages").
 */
export interface RegisterPageDevice extends MmioDevice {
  /** Hands over the page that the guest reads. Reads are taken to be free of effects at the start. */
  attachPage(page: SharedPage): void;
}

/** The page of a device's registers, as the device sees it. */
export interface SharedPage {
  /** ≥ 4 KiB, zeroed. */
  readonly view: DataView;
  /** To be called after changes, before anything (an interrupt) makes the guest look. */
  publish(): void;
  /** To be called, in turn, with `false` before reads start to have effects (they must exit then) and `true` when they no longer have. */
  setReadable(isReadable: boolean): void;
}
