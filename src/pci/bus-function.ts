/**
 * A function on the guest's PCI bus: its configuration space (PCI Express Base Specification §7.5). `platform.ts` has those of the
 * host.
 */
import type { AccessSize } from '../bus/mmio-device.ts';

/** Bytes of a function's configuration space. */
export const CONFIG_SPACE_BYTES = 4096;

export interface BusFunction {
  /** As in the config, or what it is. */
  readonly name: string;
  /** `offset` 0…4095, a multiple of `size`. The value is zero-extended. */
  readConfig(offset: number, size: AccessSize): number;
  writeConfig(offset: number, size: AccessSize, value: number): void;
  /** As after power-on: its BARs lie nowhere. */
  reset(): void;
}
