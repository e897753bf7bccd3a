/**
 * Accesses that device memory does not take, on a BAR that KVM maps as a device: guests/bare-metal/device-faults.c makes them and checks from
 * inside what becomes of each; the memory is looked at from outside of the host.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { MiB } from '../../src/base/units.ts';
import { PASSTHROUGH_DEVICES } from '../../src/nested/passthrough-devices.ts';
import { tracedWrites } from '../support/bus-trace.ts';
import { hasHost, host, type NestedHost } from '../support/nested-host.ts';
import { fillSharedBar, readSharedBar, SHARED_BAR } from '../support/shared-bar.ts';
import { bindCommand } from '../support/vfio-bind.ts';
import { complaintsOf, linesOf, payload, startVm, TEST_TIMEOUT_MS, type Vm } from '../support/vm.ts';

const { edu: EDU } = PASSTHROUGH_DEVICES;

/** That the guest makes where not it, but KVM maps a device: 12 instructions in three views. Each exits, and what is aligned does not. */
const UNALIGNED_ACCESSES = 36;
/** And so many more to take the time, after one over the edge of what is mapped. */
const TIMED = 100;
const KVM_LINE = 'Unsupported FSC: EC=0x24 xFSC=0x21';
/** As `pattern` in the guest. */
const patternAt = (offset: number): number => (offset * 31 + Math.floor(offset / 4096) * 17) & 0xff;

interface Stats {
  readonly cpus: readonly { readonly undecoded: number }[];
}

describe.skipIf(!hasHost('qemu-10')).each([
  { name: 'qemu-10', forces: 'yes' },
  { name: 'qemu-10-altra', forces: 'no' },
] as const)('on host $name', { timeout: TEST_TIMEOUT_MS }, ({ name, forces }) => {
  let l1: NestedHost;
  beforeAll(async () => {
    l1 = await host(name);
    await l1.must(bindCommand(SHARED_BAR.address));
  });

  async function start(policy: string, words = '', cpus = 1): Promise<Vm> {
    await fillSharedBar(l1.directory, name, patternAt);
    const device = { type: 'vfio', host: SHARED_BAR.address, bars: { [SHARED_BAR.bar]: policy } };
    return startVm(l1, { cpus, kernel: payload('device-faults', words), devices: { shm: device } });
  }

  /** Lets a guest that has done all end, and compares what it says of its memory with what the other side of it holds. */
  async function finish(vm: Vm, policy = ''): Promise<void> {
    await vm.printed('HOLDING');
    for (const line of linesOf(vm.output, 'COST')) process.stdout.write(`  ${name}, ${policy}: ${line}\n`);
    vm.write('\n');
    expect(await vm.exited()).toBe(0);
    expect(complaintsOf(vm.output)).toEqual([]);
    const memory = await readSharedBar(l1.directory, name);
    const said = linesOf(vm.output, 'HOLDS').map((line) => line.trimEnd().split(' '));
    expect(said.length).toBeGreaterThan(0);
    for (const [, offset, word] of said) {
      expect([offset, memory.getBigUint64(Number(`0x${offset}`), true).toString(16)]).toEqual([offset, word]);
    }
  }

  async function undecodedIn(vm: Vm): Promise<number> {
    const { stats } = JSON.parse((await vm.ctl('stats --json')).stdout) as { stats: Stats };
    return stats.cpus.reduce((sum, { undecoded }) => sum + undecoded, 0);
  }

  /** KVM's, one for each fault. */
  const linesOfKernel = async () => Number(await l1.must(`dmesg | grep -c '${KVM_LINE}' || true`));

  // Half of the time, for what does not depend on FEAT_S2FWB.
  const isFirst = name === 'qemu-10';
  test.skipIf(!isFirst).each(['direct', 'ro-direct', 'trap'])(
    '%s: unaligned accesses do what they do to RAM',
    async (policy) => {
      await using vm = await start(policy, 'cost');
      await finish(vm, policy);
    },
  );
  test('device+emulate: they do it too, each of them exits, and none that is aligned', async () => {
    const before = await linesOfKernel();
    await using vm = await start('device+emulate', 'edge cost');
    await vm.printed('HOLDING');
    const unaligned = UNALIGNED_ACCESSES + 1 + TIMED;
    expect(await undecodedIn(vm)).toBe(unaligned);
    expect((await linesOfKernel()) - before).toBe(unaligned);
    await finish(vm, 'device+emulate');
  });
  test.skipIf(!isFirst)('device+emulate: on a second CPU too', async () => {
    await using vm = await start('device+emulate', 'second', 2);
    await finish(vm);
  });
  test.skipIf(!isFirst)('device+emulate: each is cut into the accesses that a device takes', async () => {
    await l1.must(bindCommand(EDU));
    const device = { type: 'vfio', host: EDU, bars: { 0: 'device+emulate' } };
    const writes = await tracedWrites(l1.directory, name, { name: 'edu-mmio', size: MiB }, async () => {
      await using vm = await startVm(l1, { kernel: payload('device-faults'), devices: { dev: device } });
      expect(await vm.exited()).toBe(0);
      expect(complaintsOf(vm.output)).toEqual([]);
    });
    expect(writes).toEqual(
      Array.from({ length: 4 }, (_, round) => [
        { offset: 0x84, value: 0x2222_2220 + round, size: 4 },
        { offset: 0x88, value: 0x1111_1111, size: 4 },
      ]).flat(),
    );
  });
  test('device+inject: the guest takes an alignment fault for each', async () => {
    await using vm = await start('device+inject', 'inject');
    await vm.printed('HOLDING');
    expect(await undecodedIn(vm)).toBe(UNALIGNED_ACCESSES);
    await finish(vm);
  });
  test('device: one ends the run, in words', async () => {
    await using vm = await start('device');
    expect(await vm.exited()).not.toBe(0);
    expect(vm.messages).toMatch(
      /vCPU 0 cannot go on: at 0x400\w_\w{4} it used str w2, \[x1\] \(0xb9000022\), which is not aligned, and BAR 2 of shm is device memory to this host: let the policy of that BAR \(bars\) be device\+emulate, or have the guest use aligned accesses\n/,
    );
  });
  test('device: where the guest maps a device itself, it takes the fault itself', async () => {
    await using vm = await start('device', 'own');
    await vm.printed('HOLDING');
    expect(await undecodedIn(vm)).toBe(0);
    expect((await vm.ctl('explain-memory')).stdout).toContain(`FEAT_S2FWB: ${forces}: `);
    await finish(vm);
  });
});
