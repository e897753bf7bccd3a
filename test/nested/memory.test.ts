/** Guest RAM: more than the host has, somewhere else, taken at once, from huge pages. */
import { beforeAll, describe, expect, test } from 'vitest';
import { pidOf } from '../support/host-memory.ts';
import { host, type NestedHost } from '../support/nested-host.ts';
import { complaintsOf, linesOf, payload, startVm, TEST_TIMEOUT_MS } from '../support/vm.ts';

const HUGE_PAGES = '/sys/kernel/mm/hugepages/hugepages-2048kB';
/** For files in memory, a VM's RAM among them. */
const SHMEM_ENABLED = '/sys/kernel/mm/transparent_hugepage/shmem_enabled';

describe('guest RAM', { timeout: TEST_TIMEOUT_MS }, () => {
  let l1: NestedHost;
  beforeAll(async () => {
    l1 = await host('main');
  });

  test('64 GiB on a smaller host: the first page, both sides of 4 GiB and the last page hold what is written', async () => {
    await using vm = await startVm(l1, { kernel: payload('touch'), memory: '64G' });
    expect(await vm.exited()).toBe(0);
    expect(complaintsOf(vm.output)).toEqual([]);
    expect(vm.output).toContain('RAM base=0x40000000 size=0x1000000000');
    expect(linesOf(vm.output, 'PASS')).toContainEqual(expect.stringContaining('page at 0x103ffff000'));
    expect(vm.messages).toMatch(/may use 64 GiB of memory, but the host has/);
  });

  test('base: RAM begins where the config says', async () => {
    const memory = { size: '128M', base: '0x80000000' };
    await using vm = await startVm(l1, { kernel: payload('touch'), memory });
    expect(await vm.exited()).toBe(0);
    expect(complaintsOf(vm.output)).toEqual([]);
    expect(vm.output).toContain('RAM base=0x80000000 size=0x8000000');
  });

  test('hugepages, prefault: RAM comes from the pool, all of it at start, and goes back', async () => {
    const setUp = await l1.run(`echo 70 >${HUGE_PAGES}/nr_hugepages; cat ${HUGE_PAGES}/free_hugepages`);
    const free = Number(setUp.stdout);
    try {
      expect(free).toBeGreaterThanOrEqual(64);
      const memory = { size: '128M', hugepages: '2M', prefault: true };
      await using vm = await startVm(l1, { kernel: payload('counters'), memory });
      await vm.printed('COUNTERS');
      const running = await l1.run(`cat ${HUGE_PAGES}/free_hugepages`);
      expect(Number(running.stdout)).toBe(free - 64);
      vm.write('.');
      expect(await vm.exited()).toBe(0);
      const after = await l1.run(`cat ${HUGE_PAGES}/free_hugepages`);
      expect(Number(after.stdout)).toBe(free);
    } finally {
      await l1.run(`echo 0 >${HUGE_PAGES}/nr_hugepages`);
    }
  });

  test.each([
    ['prefault: RAM that a back-end sees', { prefault: true }, 'all', 'guest-ram', 128],
    ['a pool, with or without prefault,', { prefault: false }, { size: '32M' }, 'pool-rng', 32],
  ])(
    '%s is on huge pages at start, though the host has none for files in memory',
    async (_, more, share, file, mib) => {
      const backend = { command: ['orko-vmm', 'backend', 'rng', '--socket-path', '{socket}'] };
      const memory = { size: '128M', ...more };
      const devices = { rng: { type: 'rng', memory: share, backend } };
      const before = /\[(.*)\]/.exec(await l1.must(`cat ${SHMEM_ENABLED}`))![1];
      await l1.must(`echo never >${SHMEM_ENABLED}`);
      try {
        await using vm = await startVm(l1, { kernel: payload('counters'), memory, devices });
        await vm.printed('COUNTERS');
        const area = await l1.must(`grep -A 30 'memfd:${file}' /proc/${await pidOf(vm)}/smaps`);
        expect(/^ShmemPmdMapped: +(\d+) kB$/m.exec(area)![1]).toBe(String(mib * 1024));
      } finally {
        await l1.must(`echo ${before} >${SHMEM_ENABLED}`);
      }
    },
  );
});
