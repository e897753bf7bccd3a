import { expect, test } from 'vitest';
import {
  IRQ_TYPE_EDGE_RISING,
  IRQ_TYPE_LEVEL_HIGH,
  nodeName,
  ppiCells,
  reg,
  spiCells,
} from '../../../src/fdt/device-node.ts';

test('spiCells, ppiCells: kind, number, trigger, and for a GICv2 which CPUs', () => {
  expect(spiCells(16, IRQ_TYPE_EDGE_RISING)).toEqual([0, 16, 1]);
  expect(spiCells(1, IRQ_TYPE_LEVEL_HIGH)).toEqual([0, 1, 4]);
  expect(ppiCells(11, 0)).toEqual([1, 11, 4]);
  expect(ppiCells(11, 0xff)).toEqual([1, 11, 0xff04]);
});

test('reg, nodeName: two cells each, also above 4 GiB', () => {
  expect(reg({ base: 0x40_0000_0000, size: 0x1000 }, { base: 1, size: 2 })).toEqual([0x40_0000_0000n, 0x1000n, 1n, 2n]);
  expect(nodeName('memory', 0x40_0000_0000)).toBe('memory@4000000000');
});
