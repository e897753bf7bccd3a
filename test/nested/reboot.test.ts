/** Reboot in one process: a fresh machine each time, and nothing left over from the last one. */
import { beforeAll, describe, expect, test } from 'vitest';
import { host, type NestedHost } from '../support/nested-host.ts';
import { complaintsOf, linesOf, linux, payload, rounds, startVm, TEST_TIMEOUT_MS } from '../support/vm.ts';
import type { Usage } from '../support/vm-probe.ts';

const CPUS = 2;
const BOOTS = rounds('boots of one VM', 50, 4);
/** The RTC's alarm, and one of the console or the control socket. */
const TIMERS_MAX = 2;
/** V8 maps and unmaps its own memory as it likes. */
const MAPPINGS_SLACK = 40;
const BOOT_TIMEOUT_MS = 60_000;

describe('reboot', { timeout: TEST_TIMEOUT_MS }, () => {
  let l1: NestedHost;
  beforeAll(async () => {
    l1 = await host('main');
  });

  test('by the guest, then by control: new seeds, interrupts and clock work, as many fds and mappings as before', {
    timeout: BOOTS * BOOT_TIMEOUT_MS,
  }, async () => {
    await using vm = await startVm(l1, { kernel: linux('smp,rtc,reboot'), cpus: CPUS });
    await vm.printed('ORKO-CHECK smp');
    await using probe = await vm.probe();
    const usages: Usage[] = [];
    for (let boot = 1; boot <= BOOTS; boot++) {
      // The guest waits for the RTC's alarm now: nobody reboots under our hands.
      await vm.printedTimes('ORKO-CHECK smp', boot);
      usages.push(await probe.usage());
      if (boot === BOOTS - 1) await probe.control('reboot');
    }
    const { replies } = await probe.control('status', 'stop');
    expect(await vm.exited()).toBe(13);

    expect(replies[0]).toMatchObject({ status: { boots: BOOTS, state: 'running' } });
    expect(linesOf(vm.output, 'ORKO-CHECK').filter((line) => !line.includes(' PASS '))).toEqual([]);
    const said = linesOf(vm.output, 'ORKO-BOOT');
    expect(said.length).toBeGreaterThanOrEqual(BOOTS - 2);
    for (const what of ['id', 'text', 'random']) {
      const values = said.map((line) => new RegExp(`${what}=(\\S+)`).exec(line)?.[1]);
      expect(new Set(values).size, `different values of ${what} in ${said.join('\n')}`).toBe(said.length);
    }
    const [first, ...others] = usages;
    for (const { fds, timers, vcpuMappings, threads, mappings } of others) {
      expect(timers).toBeLessThanOrEqual(TIMERS_MAX);
      expect({ fds, vcpuMappings, threads }).toEqual({
        fds: first!.fds,
        vcpuMappings: CPUS,
        threads: first!.threads,
      });
      expect(Math.abs(mappings - first!.mappings)).toBeLessThan(MAPPINGS_SLACK);
    }
  });

  test('in the middle of serial input: the UART is as after power-on, and what was typed is gone', async () => {
    await using vm = await startVm(l1, { kernel: payload('uart', 'echo'), 'register-pages': 'on' });
    await vm.printed('ECHO READY');
    vm.write('typed before');
    await vm.printed('typed before');
    expect((await vm.ctl('reboot')).exitCode).toBe(0);
    await vm.printedTimes('ECHO READY', 2);
    vm.write('after\x04');
    expect(await vm.exited()).toBe(0);
    expect(complaintsOf(vm.output)).toEqual([]);
    expect(vm.output).toContain('ECHO bytes=5 ');
  });

  test('on-reboot: exit ends the VM with the code of a guest reset', async () => {
    await using vm = await startVm(l1, { kernel: payload('psci'), 'on-reboot': 'exit' });
    expect(await vm.exited()).toBe(12);
    expect(vm.output).not.toContain('PSCI-BOOT 1');
  });
});
