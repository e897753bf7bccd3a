/** Pause and resume: nothing of the guest runs in between, not even its clock, and it notices nothing. */
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { host, type NestedHost } from '../support/nested-host.ts';
import {
  type Config,
  linesOf,
  linux,
  type Probe,
  payload,
  RAM_BASE,
  rounds,
  startVm,
  TEST_TIMEOUT_MS,
  type Vm,
} from '../support/vm.ts';
import type { Words } from '../support/vm-probe.ts';

const CPUS = 2;
const STANDSTILL_MS = 100;
const MOVES_WITHIN_MS = 1_000;
/** Longer than the guest's patience with a CPU that does nothing, which `watchdog_thresh` halves. */
const LONG_PAUSE_MS = 6_000;
const WATCHDOG = 'watchdog_thresh=2';
const CYCLES = rounds('pauses under load', 100, 6);
const KICKS = rounds('pauses in quick succession', 200, 60);

describe('pause', { timeout: TEST_TIMEOUT_MS }, () => {
  let l1: NestedHost;
  beforeAll(async () => {
    l1 = await host('main');
  });

  /** A guest whose CPUs all count in its memory, and where. */
  async function startCounting(config: Config): Promise<{ vm: Vm; probe: Probe; words: Words }> {
    const vm = await startVm(l1, { cpus: CPUS, ...config });
    const [address, stride, cpus] = await vm.matched(/COUNTERS address=(0x[0-9a-f]+) stride=(\d+) cpus=(\d+)/);
    expect(Number(cpus)).toBe(CPUS);
    const words = { offset: Number(address) - RAM_BASE, stride: Number(stride), count: CPUS };
    return { vm, probe: await vm.probe(), words };
  }

  test('under load: counters stand still, no vCPU is in KVM_RUN, all go on after resume; no lockup is reported', async () => {
    const counting = await startCounting({ kernel: linux('counters', WATCHDOG) });
    await using vm = counting.vm;
    await using probe = counting.probe;
    const { words } = counting;
    const running = await probe.watch(words, STANDSTILL_MS);
    expect(running.last.every((word, cpu) => word !== running.first[cpu])).toBe(true);
    for (let cycle = 0; cycle <= CYCLES; cycle++) {
      const { replies } = await probe.control('pause', 'status');
      expect(replies).toMatchObject([{ ok: true }, { status: { state: 'paused' } }]);
      const still = await probe.watch(words, STANDSTILL_MS);
      expect(still.last).toEqual(still.first);
      expect(still).toMatchObject({ inKvmRunMax: 0, guestTicks: 0 });
      if (cycle === CYCLES) await sleep(LONG_PAUSE_MS);
      await probe.control('resume');
      const { tookMs } = await probe.moved(words, still.last, 10 * MOVES_WITHIN_MS);
      expect(tookMs, `time until every CPU counts, cycle ${cycle}`).toBeLessThan(MOVES_WITHIN_MS);
    }
    await sleep(MOVES_WITHIN_MS);
    expect(vm.output).not.toMatch(/soft lockup|stall/);
    // A stop needs no help of a guest that only counts.
    expect((await vm.ctl('stop')).exitCode).toBe(0);
    expect(await vm.exited()).toBe(13);
  });

  test('of an idle guest: its clocks do not jump, halted vCPUs are out of KVM_RUN too, and can be asked for their counters', async () => {
    await using vm = await startVm(l1, { kernel: linux('clock', WATCHDOG), cpus: CPUS });
    const times = () =>
      linesOf(vm.output, 'ORKO-CLOCK').flatMap((line) => /monotonic=([\d.]+)/.exec(line)?.slice(1).map(Number) ?? []);
    await vm.printed('ORKO-CLOCK line=3 ');
    await using probe = await vm.probe();
    const nothing = { offset: 0, stride: 8, count: 1 };
    // A thread that runs has no system call to show: on a busy host it takes some looks to see one that sleeps in KVM_RUN.
    const inKvmRun = async () => (await probe.watch(nothing, STANDSTILL_MS)).inKvmRunMax;
    await expect.poll(inKvmRun, { timeout: 10 * MOVES_WITHIN_MS }).toBeGreaterThan(0);
    await probe.control('pause');
    await sleep(MOVES_WITHIN_MS);
    const before = times();
    expect((await probe.watch(nothing, LONG_PAUSE_MS)).inKvmRunMax).toBe(0);
    expect(times()).toEqual(before);
    await probe.control('resume');
    await vm.printed(new RegExp(`ORKO-CLOCK line=${before.length + 3} `));
    const steps = times().map((time, line, all) => time - (all[line - 1] ?? time));
    expect(Math.min(...steps)).toBeGreaterThanOrEqual(0);
    // Lines are 0.1 s apart; the rest is the emulated host's.
    expect(Math.max(...steps.slice(before.length - 1))).toBeLessThan((LONG_PAUSE_MS / 1000) * 0.5);
    expect(vm.output).not.toMatch(/soft lockup|stall/);
    // While it is paused and while it sleeps: its counters are asked of a vCPU, which waits for one that is in KVM_RUN.
    const stats = { stats: { cpus: Array(CPUS).fill({}), kvm: { wfi_exit_stat: expect.any(Number) } } };
    const { replies } = await probe.control('stats', 'pause', 'stats', 'resume');
    expect(replies).toMatchObject([stats, { ok: true }, stats, { ok: true }]);
    await vm.printed(`ORKO-CLOCK line=${times().length + 2} `);
  });

  test('kick: many pauses in quick succession, and a stop while paused', async () => {
    const counting = await startCounting({ kernel: payload('counters') });
    await using vm = counting.vm;
    await using probe = counting.probe;
    const { words } = counting;
    const { first } = await probe.watch(words, 0);
    const burst = await probe.control(...Array.from({ length: KICKS }, () => ['pause', 'resume']).flat());
    expect(burst.replies.filter((reply) => !('ok' in reply && reply.ok === true))).toEqual([]);
    const { tookMs } = await probe.moved(words, first, 10 * MOVES_WITHIN_MS);
    expect(tookMs).toBeLessThan(MOVES_WITHIN_MS);
    const { replies } = await probe.control('resume', 'pause', 'pause', 'powerkey', 'stop');
    const refused = (error: string) => ({ ok: false, code: 'refused', error });
    expect(replies).toMatchObject([
      refused('Cannot resume: the VM is running'),
      { ok: true },
      refused('Cannot pause: the VM is paused'),
      refused('Cannot press the power key: the VM is paused'),
      { ok: true },
    ]);
    expect(await vm.exited()).toBe(13);
  });
});
