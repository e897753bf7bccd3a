import { expect, test } from 'vitest';
import {
  pl011Node,
  pl031Node,
  pl061Node,
  powerKeyNode,
  pvpanicNode,
  virtioMmioNode,
} from '../../../src/boot/device-nodes.ts';
import type { DeviceNodeContext } from '../../../src/fdt/device-node.ts';
import { formatDts } from '../../../src/fdt/dts.ts';
import { FdtNode, FdtTree } from '../../../src/fdt/tree.ts';

const context: DeviceNodeContext = {
  range: { base: 0x900_0000, size: 0x1000 },
  interrupts: [0, 1, 4],
  clock: 2,
  gic: 1,
  phandleOf: () => 9,
};

/** The lines of a node's .dts text, without indentation. */
const linesOf = (node: FdtNode) =>
  formatDts(new FdtTree(new FdtNode('', {}, [node])))
    .split('\n')
    .slice(3, -2)
    .map((line) => line.trim())
    .filter((line) => line !== '');

test('PrimeCells: compatible, registers, interrupt and clocks', () => {
  expect(linesOf(pl011Node(context))).toEqual([
    'pl011@9000000 {',
    'compatible = "arm,pl011", "arm,primecell";',
    'reg = <0x0 0x9000000 0x0 0x1000>;',
    'interrupts = <0x0 0x1 0x4>;',
    'clocks = <0x2 0x2>;',
    'clock-names = "uartclk", "apb_pclk";',
    '};',
  ]);
  expect(linesOf(pl031Node(context))).toContain('compatible = "arm,pl031", "arm,primecell";');
  expect(linesOf(pl061Node(context))).toEqual(
    expect.arrayContaining(['gpio-controller;', '#gpio-cells = <0x2>;', 'interrupt-controller;']),
  );
});

test('powerKeyNode: line 3 of the controller is KEY_POWER, active high', () => {
  expect(linesOf(powerKeyNode(9, 3))).toEqual([
    'gpio-keys {',
    'compatible = "gpio-keys";',
    'poweroff-key {',
    'label = "GPIO Key Poweroff";',
    'linux,code = <0x74>;',
    'gpios = <0x9 0x3 0x0>;',
    '};',
    '};',
  ]);
});

test('pvpanicNode: two bytes of registers, no interrupt', () => {
  expect(linesOf(pvpanicNode({ ...context, range: { base: 0x90f_0000, size: 2 } }))).toEqual([
    'pvpanic@90f0000 {',
    'compatible = "qemu,pvpanic-mmio";',
    'reg = <0x0 0x90f0000 0x0 0x2>;',
    '};',
  ]);
});

test('virtioMmioNode: coherent, with what hangs on its bus', () => {
  expect(linesOf(virtioMmioNode(context, [new FdtNode('i2c')]))).toEqual([
    'virtio_mmio@9000000 {',
    'compatible = "virtio,mmio";',
    'reg = <0x0 0x9000000 0x0 0x1000>;',
    'interrupts = <0x0 0x1 0x4>;',
    'dma-coherent;',
    'i2c {',
    '};',
    '};',
  ]);
});
