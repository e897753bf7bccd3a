import { expect, test } from 'vitest';
import { combine, STAGE1, stage2Of } from '../../../src/memory/stage2.ts';

test.each([
  ['anonymous memory', '', false, 'Normal-WB'],
  ['a memfd', '/memfd:guest-ram (deleted)', false, 'Normal-WB'],
  ['a BAR of vfio-pci', 'anon_inode:[vfio-device]', true, 'Normal-NC'],
  ['a BAR of sysfs', '/sys/devices/pci0000:00/0000:00:02.0/resource0', true, 'Device-nGnRE'],
  ['/dev/mem', '/dev/mem', true, 'Device-nGnRE'],
  ['a dma-buf', '/dmabuf:', true, 'Normal-WB'],
] as const)('stage2Of: %s', (_, path, isPfnMap, expected) => {
  expect(stage2Of({ path, isPfnMap })).toBe(expected);
});

/** Rows: what stage 1 asks for; columns: what stage 2 is, both from memory to device. */
test.each([
  [
    'without',
    false,
    [
      ['Normal-WB', 'Normal-NC', 'Device-nGnRE'],
      ['Normal-NC', 'Normal-NC', 'Device-nGnRE'],
      ['Device-nGnRE', 'Device-nGnRE', 'Device-nGnRE'],
    ],
  ],
  [
    'with',
    true,
    [
      ['Normal-WB', 'Normal-NC', 'Device-nGnRE'],
      ['Normal-WB', 'Normal-NC', 'Device-nGnRE'],
      ['Normal-WB', 'Device-nGnRE', 'Device-nGnRE'],
    ],
  ],
] as const)('combine: %s FEAT_S2FWB', (_, forcesWriteBack, expected) => {
  expect(STAGE1.map((stage1) => STAGE1.map((stage2) => combine(stage1, stage2, forcesWriteBack)))).toEqual(expected);
});
