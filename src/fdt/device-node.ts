/**
 * What a device needs to write its own device tree node: where it lies, its interrupt as the GIC wants it described, and
 * the nodes it may refer to. The machine decides these; a device only says what it is. Its node lies in the root, where
 * addresses and sizes are two cells each.
 */
import type { AddressRange } from '../base/range.ts';

export interface DeviceNodeContext {
  readonly range: AddressRange;
  /** The value of `interrupts`; absent for a device without a wired interrupt. */
  readonly interrupts?: readonly number[];
  /** Phandle of the fixed 24 MHz clock that PrimeCells are given as `apb_pclk`. */
  readonly clock: number;
  /** Phandle of the interrupt controller, which is everybody's `interrupt-parent` already. */
  readonly gic: number;
  /** Phandle of a node by its label: "its", "gpio0". */
  phandleOf(label: string): number;
}

/** How an interrupt line is driven: the third cell of a GIC specifier (Linux, bindings interrupt-controller/arm,gic-v3.yaml). */
export const IRQ_TYPE_EDGE_RISING = 1;
export const IRQ_TYPE_LEVEL_HIGH = 4;
export type IrqTrigger = typeof IRQ_TYPE_EDGE_RISING | typeof IRQ_TYPE_LEVEL_HIGH;

/** The first cell of a GIC specifier, same document. */
const GIC_SPI = 0;
const GIC_PPI = 1;

/** The specifier of shared peripheral interrupt `index` (INTID − 32). */
export function spiCells(index: number, trigger: IrqTrigger): number[] {
  return [GIC_SPI, index, trigger];
}

/**
 * The specifier of private peripheral interrupt `index` (INTID − 16), level-high. A GICv2 wants in bits 15:8 which of its
 * at most eight CPUs have it (bindings interrupt-controller/arm,gic.yaml); for a GICv3 `cpuMask` is 0.
 */
export function ppiCells(index: number, cpuMask: number): number[] {
  return [GIC_PPI, index, (cpuMask << 8) | IRQ_TYPE_LEVEL_HIGH];
}

/** `reg` under the root: two cells of address and two of size for each range. */
export function reg(...ranges: readonly AddressRange[]): bigint[] {
  return ranges.flatMap(({ base, size }) => [BigInt(base), BigInt(size)]);
}

/** "pl011@9000000": a node's name and its unit address, which is the start of its first range. */
export function nodeName(name: string, base: number): string {
  return `${name}@${base.toString(16)}`;
}
