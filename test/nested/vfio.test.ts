/** PCI devices that are passed through: QEMU's, behind an SMMU (src/nested/passthrough-devices.ts). */
import { beforeAll, describe, expect, test } from 'vitest';
import { PASSTHROUGH_DEVICES } from '../../src/nested/passthrough-devices.ts';
import { hasHost, host, type NestedHost } from '../support/nested-host.ts';
import { complaintsOf, payload, startVm, TEST_TIMEOUT_MS } from '../support/vm.ts';
import { bundleFor } from './support/bundle.ts';

/** Less would mean that the program ended early. */
const CHECK_COUNT = 6;

const { edu: EDU, ivshmem: IVSHMEM } = PASSTHROUGH_DEVICES;

let l1: NestedHost;
beforeAll(async () => {
  if (!hasHost('vfio')) return;
  l1 = await host('vfio');
  for (const address of [EDU, IVSHMEM]) await bind(l1, address);
});

/** As `orko-vmm doctor` says it. */
async function bind(l1: NestedHost, address: string): Promise<void> {
  const device = `/sys/bus/pci/devices/${address}`;
  await l1.must(
    `modprobe vfio-pci && echo vfio-pci >${device}/driver_override && echo ${address} >/sys/bus/pci/drivers_probe`,
  );
}

describe.skipIf(!hasHost('vfio'))('VFIO', { timeout: TEST_TIMEOUT_MS }, () => {
  test('every check without a guest passes', async () => {
    const program = await bundleFor(l1, 'vfio-checks');
    const { stdout, stderr } = await l1.run(`node ${program} ${EDU}`, { timeoutMs: 120_000 });
    const lines = stdout.trimEnd().split('\n');
    expect(lines.filter((line) => !line.startsWith('PASS '))).toEqual([]);
    expect(lines).toHaveLength(CHECK_COUNT);
    expect(stderr).toBe('');
  });

  test('edu: registers, DMA, messages and the wired interrupt work in a guest', async () => {
    await using vm = await startVm(l1, {
      kernel: payload('passthrough'),
      devices: { edu: { type: 'vfio', host: EDU } },
    });
    expect(await vm.exited()).toBe(0);
    expect(complaintsOf(vm.output)).toEqual([]);
    console.log(vm.output, vm.messages);
  });

  test.each(['trap', 'direct', 'ro-direct', 'device'])(
    'ivshmem: its memory is the same with the policy %s',
    async (policy) => {
      const devices = { shm: { type: 'vfio', host: IVSHMEM, bars: { 2: policy } } };
      await using vm = await startVm(l1, { kernel: payload('passthrough'), devices });
      expect(await vm.exited()).toBe(0);
      expect(complaintsOf(vm.output)).toEqual([]);
      console.log(vm.output, vm.messages);
    },
  );
});
