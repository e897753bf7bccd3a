import { expect, test } from 'vitest';
import { formatCpuRanges, hostCpus, parseCpuRanges } from '../../../src/host/cpus.ts';
import { hostTree } from '../doctor/host-tree.ts';

test.each([
  ['', []],
  ['0', [0]],
  ['0-3', [0, 1, 2, 3]],
  ['0,2-3,11', [0, 2, 3, 11]],
])('parseCpuRanges, formatCpuRanges: %j', (text, cpus) => {
  expect(parseCpuRanges(text)).toEqual(cpus);
  expect(formatCpuRanges(cpus)).toBe(text);
});

test('formatCpuRanges: order does not matter', () => {
  expect(formatCpuRanges([5, 0, 4, 1])).toBe('0-1,4-5');
});

test('hostCpus: kinds by MIDR of the CPUs that are online, and what this process may use', () => {
  const midr = (cpu: number) => `/sys/devices/system/cpu/cpu${cpu}/regs/identification/midr_el1`;
  const cpus = hostCpus(
    hostTree({
      '/sys/devices/system/cpu/online': '0-2',
      '/proc/self/status': 'Name:\tx\nCpus_allowed_list:\t1-2\nThreads:\t1',
      [midr(0)]: '0x00000000410fd034',
      [midr(1)]: '0x00000000410fd034',
      [midr(2)]: '0x00000000410fd092',
      [midr(3)]: '0x00000000410fd092',
    }),
  );
  expect(cpus.online).toEqual([0, 1, 2]);
  expect(cpus.allowed).toEqual([1, 2]);
  expect([...cpus.kinds]).toEqual([
    ['0x00000000410fd034', [0, 1]],
    ['0x00000000410fd092', [2]],
  ]);
});

test('hostCpus: a kernel that tells nothing', () => {
  const { online, allowed, kinds } = hostCpus(hostTree({}));
  expect([online, allowed, kinds.size]).toEqual([[], [], 0]);
});
