/** The board's devices as Linux uses them, and how a VM ends through them: clock, power key, panic; and the control socket. */
import { beforeAll, describe, expect, test } from 'vitest';
import { host, type NestedHost } from '../support/nested-host.ts';
import { linesOf, linux, payload, startVm, TEST_TIMEOUT_MS } from '../support/vm.ts';

/** How far the emulated host's clock may be from ours, and how long the guest may take to look. */
const CLOCK_SLACK_S = 90;

describe('the board', { timeout: TEST_TIMEOUT_MS }, () => {
  let l1: NestedHost;
  beforeAll(async () => {
    l1 = await host('main');
  });

  test('RTC and power key: right time, an alarm that rings, a shutdown; ctl status, list and events tell', async () => {
    const { stdout: now } = await l1.run('date +%s');
    const kernel = linux('rtc,powerkey', `orko.epoch=${now.trim()} orko.slack=${CLOCK_SLACK_S}`);
    await using vm = await startVm(l1, { kernel, cpus: 2 });
    await vm.printed('ORKO-WAITING powerkey');
    expect(linesOf(vm.output, 'ORKO-CHECK')).toEqual([expect.stringContaining('rtc PASS')]);

    const status = await vm.ctl('status');
    expect(status.stdout).toMatch(new RegExp(`^name: ${vm.name}\\nstate: running\\nvCPUs: 2\\nmemory: 126 MiB\\n`));
    const list = await l1.run('orko-vmm list');
    expect(list.stdout).toMatch(new RegExp(`^${vm.name} +running +2 +126 MiB .* stdio$`, 'm'));
    const events = l1.spawn(`orko-vmm ctl ${vm.name} events`);
    const unknown = await l1.run(`orko-vmm ctl ${vm.name}-other status`);
    expect(unknown.exitCode).toBe(66);

    expect((await vm.ctl('powerkey')).exitCode).toBe(0);
    expect(await vm.exited()).toBe(0);
    expect(vm.output).toContain('ORKO-POWERKEY');
    expect(await events.exited()).toBe(0);
    const happened = events.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(happened).toMatchObject([
      { event: 'powerkey', by: 'control' },
      { event: 'state', from: 'running', to: 'stopped' },
      { event: 'stopped', exitCode: 0 },
    ]);
    const after = await l1.run('orko-vmm list');
    expect(after.stdout).not.toContain(vm.name);
  });

  test('SIGTERM presses the power key: Linux shuts down, exit code 0', async () => {
    await using vm = await startVm(l1, { kernel: linux('shell') });
    await vm.printed('orko:~#');
    await vm.kill('TERM');
    await vm.printed('ORKO-POWERKEY');
    expect(await vm.exited()).toBe(0);
    expect(vm.messages).toContain('SIGTERM: pressed the power key');
  });

  test('a guest that does not react is stopped by a second signal, or when its time is over', async () => {
    const kernel = payload('counters');
    await using stubborn = await startVm(l1, { kernel });
    await stubborn.printed('COUNTERS');
    await stubborn.kill('TERM');
    await stubborn.said('pressed the power key');
    await stubborn.kill('INT');
    expect(await stubborn.exited()).toBe(13);
    await using late = await startVm(l1, { kernel, 'stop-timeout-s': 1 });
    await late.printed('COUNTERS');
    await late.kill('TERM');
    expect(await late.exited()).toBe(13);
    expect(late.messages).toContain('did not shut down within 1 s');
  });

  test('a panic is reported and has its exit code; with on-panic: reboot the guest boots again', async () => {
    await using vm = await startVm(l1, { kernel: linux('panic') });
    expect(await vm.exited()).toBe(10);
    expect(vm.output).toContain('Kernel panic - not syncing');
    expect(vm.messages).toContain('the guest reports that it panicked');
    await using again = await startVm(l1, { kernel: linux('panic'), 'on-panic': 'reboot' });
    await again.printedTimes('orko-init', 2);
    await again.ctl('stop');
    expect(await again.exited()).toBe(13);
  });
});
