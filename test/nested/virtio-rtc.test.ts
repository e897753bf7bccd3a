/** virtio-rtc as Linux uses it: an RTC with an alarm, and PTP clocks. */
import { beforeAll, describe, expect, test } from 'vitest';
import { GuestShell } from '../support/guest-shell.ts';
import { onHost, openFiles } from '../support/host-memory.ts';
import { host, type NestedHost } from '../support/nested-host.ts';
import { linesOf, linux, rounds, startVm, TEST_TIMEOUT_MS, type Vm } from '../support/vm.ts';

/** How far the emulated host's clock may be from ours, and how long the guest may take to look. */
const CLOCK_SLACK_S = 90;
const DRIVER = '/sys/bus/virtio/drivers/virtio_rtc';
const REBINDS = rounds('rtc: unbind and bind', 100, 6);
const PAUSE_MS = 4000;
/** "Virtio PTP type T/variant V": VIRTIO_RTC_CLOCK_UTC_SMEARED and _MONOTONIC. */
const [UTC, MONOTONIC] = ['Virtio PTP type 3/variant 0', 'Virtio PTP type 2/variant 0'];

/** Seconds of the host's clocks: since 1970, and since it was booted. */
async function clocksOf(l1: NestedHost): Promise<{ utc: number; uptime: number }> {
  const [utc, uptime] = (await onHost(l1, 'date +%s; cut -d. -f1 /proc/uptime')).split('\n').map(Number);
  return { utc: utc!, uptime: uptime! };
}

/** What the agent found out about each PTP clock. */
function ptpClocks(vm: Vm): { name: string; seconds: number; cross: number }[] {
  return linesOf(vm.output, 'ORKO-PTP').map((line) => {
    const [, seconds, cross, name] = /seconds=(\d+) cross=(\d) .*name=(.*)$/.exec(line)!;
    return { name: name!, seconds: Number(seconds), cross: Number(cross) };
  });
}

describe('virtio-rtc', { timeout: TEST_TIMEOUT_MS }, () => {
  let l1: NestedHost;
  beforeAll(async () => {
    l1 = await host('main');
  });

  test.each(['direct', 'strict'])(
    'interrupt %s: the RTC has the right time, and its alarm rings',
    async (interrupt) => {
      const { utc } = await clocksOf(l1);
      // The kernel gives the first number to the virtio device: it has no alias, and comes first.
      const kernel = linux('rtc', `orko.epoch=${utc} orko.slack=${CLOCK_SLACK_S}`);
      await using vm = await startVm(l1, { kernel, devices: { clock: { type: 'rtc', interrupt } } });
      expect(await vm.exited()).toBe(0);
      expect(linesOf(vm.output, 'ORKO-CHECK')).toEqual([expect.stringContaining('rtc PASS')]);
    },
  );

  test('PTP clocks: UTC and time since boot are the host’s, alone and together with the counter', async () => {
    const { utc, uptime } = await clocksOf(l1);
    await using vm = await startVm(l1, { kernel: linux('ptp'), devices: { clock: { type: 'rtc' } } });
    expect(await vm.exited()).toBe(0);
    expect(linesOf(vm.output, 'ORKO-CHECK')).toEqual([expect.stringContaining('ptp PASS clocks=2')]);
    const [first, second] = ptpClocks(vm);
    expect([first, second]).toMatchObject([
      { name: UTC, cross: 1 },
      { name: MONOTONIC, cross: 1 },
    ]);
    expect(Math.abs(first!.seconds - utc)).toBeLessThan(CLOCK_SLACK_S);
    expect(Math.abs(second!.seconds - uptime)).toBeLessThan(CLOCK_SLACK_S);
  });

  test('the counter agrees after a pause too, of which the guest’s own clock knows nothing', async () => {
    const kernel = linux('ptp,clock,ptp', 'orko.seconds=6');
    await using vm = await startVm(l1, { kernel, devices: { clock: { type: 'rtc' } } });
    await vm.printed('ORKO-CLOCK line=1');
    expect((await vm.ctl('pause')).exitCode).toBe(0);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    expect((await vm.ctl('resume')).exitCode).toBe(0);
    expect(await vm.exited()).toBe(0);
    const checks = linesOf(vm.output, 'ORKO-CHECK').filter((line) => line.includes(' ptp '));
    expect(checks).toEqual([expect.stringContaining('ptp PASS'), expect.stringContaining('ptp PASS')]);
    const [before, , after] = ptpClocks(vm);
    expect(after!.seconds - before!.seconds).toBeGreaterThanOrEqual(PAUSE_MS / 1000 + 5);
  });

  test('two of them; drivers come and go with as many files open; a reboot; no clock but UTC', async () => {
    const devices = {
      clock: { type: 'rtc' },
      second: { type: 'rtc', monotonic: false, tai: 'off', interrupt: 'strict', iothread: 'other' },
    };
    await using vm = await startVm(l1, { kernel: linux('shell'), devices });
    const shell = await GuestShell.open(vm);
    const names =
      'cat /sys/class/ptp/ptp*/clock_name; readlink /sys/class/rtc/rtc0/device; readlink /sys/class/rtc/rtc1/device';
    const expected = [UTC, MONOTONIC, UTC, '../../../virtio0', '../../../virtio1'];
    expect((await shell.run(names)).split('\n').sort()).toEqual([...expected].sort());
    const { utc } = await clocksOf(l1);
    for (const rtc of ['rtc0', 'rtc1']) {
      const shown = await shell.run(`hwclock -u -f /dev/${rtc} | cut -c1-24`);
      expect(Math.abs(Date.parse(`${shown} UTC`) / 1000 - utc), `${rtc} shows ${shown}`).toBeLessThan(CLOCK_SLACK_S);
    }
    const rebind = [0, 1]
      .map((n) => `echo virtio${n} >${DRIVER}/unbind && echo virtio${n} >${DRIVER}/bind`)
      .join(' && ');
    await shell.run(rebind);
    const files = await openFiles(l1, vm);
    await shell.run(`for i in $(seq ${REBINDS}); do ${rebind} || exit 1; done`, TEST_TIMEOUT_MS / 2);
    expect(await openFiles(l1, vm)).toBe(files);
    await vm.ctl('reboot');
    const again = await GuestShell.open(vm, 2);
    expect((await again.run(names)).split('\n')).toHaveLength(expected.length);
    expect(await openFiles(l1, vm)).toBe(files);
  });
});
