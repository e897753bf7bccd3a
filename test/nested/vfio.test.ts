/** PCI devices that are passed through: QEMU's, behind an SMMU (src/nested/passthrough-devices.ts). */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PASSTHROUGH_DEVICES } from '../../src/nested/passthrough-devices.ts';
import { GuestShell } from '../support/guest-shell.ts';
import { hasHost, host, type NestedHost } from '../support/nested-host.ts';
import { type Config, complaintsOf, linux, payload, startVm, TEST_TIMEOUT_MS } from '../support/vm.ts';
import { bundleFor } from './support/bundle.ts';

/** Less would mean that the program ended early. */
const CHECK_COUNT = 6;
const { edu: EDU, ivshmem: IVSHMEM, eduInPair: PAIRED, rngInPair: PARTNER } = PASSTHROUGH_DEVICES;
const { nvme: NVME, e1000e: E1000E, testdev: FREE } = PASSTHROUGH_DEVICES;
const POLICIES = ['trap', 'direct', 'ro-direct', 'device', 'device+emulate'] as const;

type Counters = Readonly<Record<string, number>>;

let l1: NestedHost;
beforeAll(async () => {
  if (!hasHost('vfio')) return;
  l1 = await host('vfio');
  for (const address of [EDU, IVSHMEM, PAIRED]) await bind(address);
});

/** As `orko-vmm doctor` says it. */
async function bind(address: string): Promise<void> {
  const device = `/sys/bus/pci/devices/${address}`;
  await l1.must(
    `modprobe vfio-pci && echo vfio-pci >${device}/driver_override && { test -e ${device}/driver || echo ${address} >/sys/bus/pci/drivers_probe; }`,
  );
}

/** A guest that drives a device. */
const driving = (device: object, cmdline = ''): Config => ({
  kernel: payload('passthrough', cmdline),
  devices: { dev: { type: 'vfio', ...device } },
});

/** How a config that cannot run ends. */
async function refusal(config: Config, wrapper?: string): Promise<string> {
  await using vm = await startVm(l1, config, wrapper === undefined ? {} : { wrapper });
  expect(await vm.exited()).not.toBe(0);
  expect(vm.messages.trimEnd().split('\n')).toHaveLength(1);
  return vm.messages;
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

  test.each(['direct', 'trap'])(
    'edu (%s): registers, DMA, messages and the wired interrupt work in a guest',
    async (policy) => {
      await using vm = await startVm(l1, driving({ host: EDU, bars: { 0: policy } }));
      expect(await vm.exited()).toBe(0);
      expect(complaintsOf(vm.output)).toEqual([]);
    },
  );

  test('edu: without an ITS the wired interrupt is there from the start', async () => {
    await using vm = await startVm(l1, { ...driving({ host: EDU }), its: 'off' });
    expect(await vm.exited()).toBe(0);
    expect(complaintsOf(vm.output)).toEqual([]);
  });

  test('edu: a guest that reboots finds the device again', async () => {
    await using vm = await startVm(l1, driving({ host: EDU }, 'reboot'));
    await vm.printedTimes('100 more messages, exactly: 102 in all', 2);
    expect(vm.output).not.toContain('FAIL');
    // QEMU's has no reset of its own on the root bus.
    expect(vm.messages).toContain(`dev: PCI device ${EDU} cannot be reset alone`);
  });

  test('edu: a VMM that is killed in the middle of DMA leaves a device that works', async () => {
    {
      await using vm = await startVm(l1, driving({ host: EDU }, 'dma-for-ever'));
      await vm.printed('DMA for ever');
      await vm.kill('KILL');
    }
    await using vm = await startVm(l1, driving({ host: EDU }));
    expect(await vm.exited()).toBe(0);
    expect(complaintsOf(vm.output)).toEqual([]);
  });

  test('edu: a device that the host takes away does not take the guest with it', async () => {
    await using vm = await startVm(l1, driving({ host: EDU }, 'watch'));
    await vm.printed('WATCHING');
    await l1.must(`timeout 60 sh -c 'echo ${EDU} >/sys/bus/pci/drivers/vfio-pci/unbind'`);
    await vm.printed('GONE');
    expect(await vm.exited()).toBe(0);
    expect(vm.messages).toContain(`dev: The host takes PCI device ${EDU} away`);
    await l1.must(`echo ${EDU} >/sys/bus/pci/drivers_probe`);
  });

  test('ivshmem: what the guest reads is the same whatever the policy, and only what may be mapped is', async () => {
    const sums = new Set<string>();
    for (const policy of POLICIES) {
      await using vm = await startVm(l1, driving({ host: IVSHMEM, bars: { 2: policy } }, 'hold'));
      await vm.printed('HOLDING');
      const { stdout } = await vm.ctl('explain-memory --json');
      const { memory } = JSON.parse(stdout) as {
        memory: { slots: { name: string; readOnly: boolean; stage2: string }[] };
      };
      const shown = memory.slots.filter(({ name }) => name === 'BAR 2 of dev');
      const { status } = JSON.parse((await vm.ctl('status --json')).stdout) as { status: { pid: number } };
      const maps = await l1.must(`cat /proc/${status.pid}/maps`);
      const mapped = maps.split('\n').filter((line) => /vfio-device|resource2/.test(line));
      const isDevice = policy.startsWith('device');
      expect([policy, shown.map(({ readOnly, stage2 }) => [readOnly, stage2])]).toEqual([
        policy,
        policy === 'trap' ? [] : [[policy === 'ro-direct', isDevice ? 'Device-nGnRE' : 'Normal-NC']],
      ]);
      expect([policy, mapped.map((line) => line.split(' ')[1])]).toEqual([
        policy,
        policy === 'trap' ? [] : [policy === 'ro-direct' ? 'r--s' : 'rw-s'],
      ]);
      vm.write('\n');
      expect(await vm.exited()).toBe(0);
      expect(complaintsOf(vm.output)).toEqual([]);
      sums.add(/SUM (\w+)/.exec(vm.output)![1]!);
      process.stdout.write(`  ${policy}: ${/TICKS .*/.exec(vm.output)![0]}\n`);
    }
    expect(sums.size).toBe(1);
  });

  test('what keeps a device from being passed through is said in one sentence, with what to do', async () => {
    expect(await refusal(driving({ host: '0000:09:00.0' }))).toContain(
      'There is no PCI device 0000:09:00.0 on this host: "orko-vmm doctor" and "lspci -D" show which there are',
    );
    expect(await refusal(driving({ host: FREE }))).toContain(
      `Cannot pass PCI device ${FREE} through: it has no driver, and it needs vfio-pci: modprobe vfio-pci && echo vfio-pci >/sys/bus/pci/devices/${FREE}/driver_override`,
    );
    expect(await refusal(driving({ host: PAIRED }))).toMatch(
      new RegExp(`its IOMMU group \\d+ has devices that the host uses: ${PARTNER} \\(driver virtio-pci\\): modprobe`),
    );
    expect(await refusal(driving({ host: IVSHMEM, bars: { 1: 'trap' } }))).toContain('it has the memory BARs 0, 2');
    expect(await refusal(driving({ host: IVSHMEM, bars: { 2: 'refuse' } }))).toContain('its policy is refuse');
  });

  test('a device in use, and memory that may not be pinned', async () => {
    await using vm = await startVm(l1, driving({ host: IVSHMEM }, 'hold'));
    await vm.printed('HOLDING');
    expect(await refusal(driving({ host: IVSHMEM }))).toMatch(
      /Cannot open \/dev\/vfio\/\d+, the IOMMU group of a device: In use \(EBUSY\): another program has it/,
    );
    await l1.must('chmod 666 /dev/vfio/*');
    const user = 'env XDG_RUNTIME_DIR=/tmp setpriv --reuid 1000 --regid 1000 --groups 104';
    expect(await refusal(driving({ host: EDU }), user)).toContain(
      'Cannot pin the 126 MiB of memory that PCI devices shall reach: this user may lock 8 MiB: raise it ("ulimit -l 129024" as root, LimitMEMLOCK= in a systemd unit), or run as root',
    );
  });

  test('doctor lists devices with their groups, and check says beforehand what is wrong', async () => {
    const { stdout } = await l1.run('orko-vmm doctor --json');
    const findings = (JSON.parse(stdout) as { findings: { id: string; value: string; remedy?: string }[] }).findings;
    const of = (id: string) => findings.find((finding) => finding.id === id);
    expect(of('iommu')!.value).toBe('on');
    expect(of(`pci-${EDU}`)!.value).toMatch(/^1234:11e8 class 00ff00, driver vfio-pci, IOMMU group \d+$/);
    expect(of(`pci-${PAIRED}`)!.value).toMatch(new RegExp(`IOMMU group \\d+ with ${PARTNER}$`));
    expect(of(`pci-${PAIRED}`)!.remedy).toContain(`echo ${PARTNER} >/sys/bus/pci/devices/${PARTNER}/driver/unbind`);
    const config = `${l1.directory}/vfio-check.yaml`;
    const write = (address: string) => l1.must(`cat >${config}`, { stdin: JSON.stringify(driving({ host: address })) });
    await write(PAIRED);
    const wrong = await l1.run(`orko-vmm check ${config}`);
    expect([wrong.exitCode, wrong.stdout]).toEqual([69, expect.stringContaining(`${PARTNER} (driver virtio-pci)`)]);
    await write(EDU);
    const right = await l1.run(`orko-vmm check ${config}`);
    expect([right.exitCode, right.stdout]).toEqual([0, '']);
  });
});

describe.skipIf(!hasHost('vfio'))('Linux on passed-through devices', { timeout: TEST_TIMEOUT_MS }, () => {
  const LINUX = linux('shell');

  test.each(['direct', 'trap'])('nvme (%s): what is written is read back', async (policy) => {
    await bind(NVME);
    const devices = { disk: { type: 'vfio', host: NVME, bars: { 0: policy } } };
    await using vm = await startVm(l1, { kernel: LINUX, devices });
    const shell = await GuestShell.open(vm);
    await shell.run('for i in $(seq 50); do test -b /dev/nvme0n1 && break; sleep 0.2; done; test -b /dev/nvme0n1');
    await shell.run('dd if=/dev/urandom of=/tmp/data bs=64k count=64');
    await shell.run('dd if=/tmp/data of=/dev/nvme0n1 bs=64k oflag=direct');
    const [written] = (await shell.run('md5sum </tmp/data')).split(' ');
    const [read] = (await shell.run('dd if=/dev/nvme0n1 bs=4k count=1024 iflag=direct 2>/dev/null | md5sum')).split(
      ' ',
    );
    expect(read).toBe(written);
    expect(await shell.run('grep nvme0q /proc/interrupts')).toMatch(/ITS.*nvme0q1/);
    const { stats } = JSON.parse((await vm.ctl('stats --json')).stdout) as {
      stats: { devices: { counters: Counters }[] };
    };
    process.stdout.write(`  nvme ${policy}: ${JSON.stringify(stats.devices[0]!.counters)}\n`);
    vm.write('poweroff\n');
    expect(await vm.exited()).toBe(0);
  });

  test.each(['', 'pci=nomsi'])('e1000e carries packets (%s)', async (cmdline) => {
    await bind(E1000E);
    const devices = { net: { type: 'vfio', host: E1000E } };
    await using vm = await startVm(l1, { kernel: linux('shell', cmdline), devices });
    const shell = await GuestShell.open(vm);
    await shell.run('ip link set eth0 up; ip address add 10.0.2.15/24 dev eth0');
    await shell.run('for i in $(seq 50); do grep -q 1 /sys/class/net/eth0/carrier && break; sleep 0.2; done');
    expect(await shell.run('ping -c 5 -s 1000 10.0.2.2')).toContain('5 packets received');
    const interrupts = await shell.run('grep eth0 /proc/interrupts');
    expect(interrupts).toMatch(cmdline === '' ? /ITS.*eth0-rx-0/ : /Level.*eth0/);
    vm.write('poweroff\n');
    expect(await vm.exited()).toBe(0);
  });
});

describe.skipIf(!hasHost('vfio-16k'))('VFIO on a host with pages of 16 KiB', { timeout: TEST_TIMEOUT_MS }, () => {
  let big: NestedHost;
  beforeAll(async () => {
    l1 = big = await host('vfio-16k');
    await bind(IVSHMEM);
  });
  afterAll(async () => {
    if (hasHost('vfio')) l1 = await host('vfio');
  });

  test('ivshmem: its registers, in less than a page, exit, and its memory does not', async () => {
    await using vm = await startVm(big, driving({ host: IVSHMEM }));
    expect(await vm.exited()).toBe(0);
    expect(complaintsOf(vm.output)).toEqual([]);
  });
});
