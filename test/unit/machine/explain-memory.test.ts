import { expect, test } from 'vitest';
import { explainMemory } from '../../../src/machine/explain-memory.ts';
import type { Slot } from '../../../src/memory/slots.ts';

const slot = (kind: Slot['kind'], name: string, base: number, pointer: bigint): Slot => ({
  ...{ kind, name, range: { base, size: 0x10000 }, pointer, readOnly: kind === 'regs' },
});

test('explainMemory: slots in the order of their addresses, and who sees which', () => {
  const process = { uid: 4711, pid: 812, command: 'viking' };
  const memory = [{ what: 'pool disk', base: 0x5000_0000, size: 0x10000 }];
  const verdict = { isolation: 'real', reason: '' } as const;
  const report = explainMemory({
    slots: [
      slot('pool', 'pool disk', 0x5000_0000, 2n),
      slot('ram', 'RAM', 0x4000_0000, 1n),
      slot('regs', 'registers of pl011', 0x0900_0000, 3n),
    ],
    forcesWriteBack: false,
    sharing: [{ name: 'disk', type: 'blk', memory, process, ...verdict }],
    areaAt: (pointer) =>
      pointer === 2
        ? { path: '/memfd:pool-disk (deleted)', isShared: true, pageSize: 4096, isPfnMap: false }
        : {
            path: pointer === 3 ? '/dev/zero (deleted)' : '',
            isShared: pointer === 3,
            pageSize: 65536,
            isPfnMap: false,
          },
  });
  expect(report.slots.map(({ name, backing, mappedBy }) => ({ name, backing, mappedBy }))).toEqual([
    { name: 'registers of pl011', backing: 'anonymous memory, shared, pages of 64 KiB', mappedBy: [] },
    { name: 'RAM', backing: 'anonymous memory, private, pages of 64 KiB', mappedBy: [] },
    { name: 'pool disk', backing: '/memfd:pool-disk, pages of 4 KiB', mappedBy: [{ device: 'disk', process }] },
  ]);
  expect(report.types).toEqual([
    { stage2: 'Normal-WB', asks: 'Normal-WB', gets: 'Normal-WB', getsForced: 'Normal-WB' },
    { stage2: 'Normal-WB', asks: 'Normal-NC', gets: 'Normal-NC', getsForced: 'Normal-WB' },
    { stage2: 'Normal-WB', asks: 'Device-nGnRE', gets: 'Device-nGnRE', getsForced: 'Normal-WB' },
  ]);
});
