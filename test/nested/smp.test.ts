/** How many CPUs a guest gets: all of them run, interrupt each other, leave and come back. */
import { beforeAll, describe, expect, test } from 'vitest';
import { host, type NestedHost } from '../support/nested-host.ts';
import { complaintsOf, linesOf, linux, payload, startVm, TEST_TIMEOUT_MS } from '../support/vm.ts';

/** KVM numbers vCPUs in groups of 16 (Aff0), so the last of these are in the second group. */
const CPUS_BEYOND_AFF0 = 20;

describe('vCPUs', { timeout: TEST_TIMEOUT_MS }, () => {
  let l1: NestedHost;
  beforeAll(async () => {
    l1 = await host('main');
  });

  test.each([
    { cpus: 1, registerPages: 'auto' },
    { cpus: 2, registerPages: 'off' },
    { cpus: 4, registerPages: 'auto' },
    { cpus: 8, registerPages: 'auto' },
  ])('$cpus: all online, interrupt each other, leave and come back (register-pages: $registerPages)', async (row) => {
    const { cpus, registerPages } = row;
    const kernel = linux('smp,hotplug');
    await using vm = await startVm(l1, { kernel, cpus, 'register-pages': registerPages });
    expect(await vm.exited()).toBe(0);
    const [smp, hotplug] = linesOf(vm.output, 'ORKO-CHECK');
    expect(smp).toContain(`smp PASS online=${cpus} expected=${cpus}`);
    expect(hotplug).toContain(`hotplug PASS cpus=${cpus} left-and-returned=${cpus - 1}`);
  });

  test(`${CPUS_BEYOND_AFF0}: PSCI starts and stops each, and resets the machine`, async () => {
    await using vm = await startVm(l1, { kernel: payload('psci'), cpus: CPUS_BEYOND_AFF0 });
    expect(await vm.exited()).toBe(0);
    expect(complaintsOf(vm.output)).toEqual([]);
    expect(vm.output).toContain(`CPUS ${CPUS_BEYOND_AFF0}`);
    // Aff1 is 1 and Aff0 is 3.
    expect(vm.output).toContain(`PASS cpu ${CPUS_BEYOND_AFF0 - 1} on and off, round 2, mpidr=0x103`);
    expect(vm.output).toContain('PSCI-BOOT 2');
  });
});
