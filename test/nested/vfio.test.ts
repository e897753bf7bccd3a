/** PCI devices that are passed through: QEMU's, behind an SMMU (src/nested/passthrough-devices.ts). */
import { beforeAll, describe, expect, test } from 'vitest';
import { MiB } from '../../src/base/units.ts';
import { PASSTHROUGH_DEVICES } from '../../src/nested/passthrough-devices.ts';
import { tracedWrites } from '../support/bus-trace.ts';
import { GuestShell } from '../support/guest-shell.ts';
import { hasHost, host, type NestedHost } from '../support/nested-host.ts';
import { bindCommand } from '../support/vfio-bind.ts';
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

async function bind(address: string): Promise<void> {
  await l1.must(bindCommand(address));
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

/** Without a guest. */
async function runChecks(asked: 'group' | 'iommufd'): Promise<void> {
  const program = await bundleFor(l1, 'vfio-checks');
  const { stdout, stderr } = await l1.run(`node ${program} ${EDU} ${asked}`, { timeoutMs: 120_000 });
  const lines = stdout.trimEnd().split('\n');
  expect(lines.filter((line) => !line.startsWith('PASS '))).toEqual([]);
  expect(lines).toHaveLength(CHECK_COUNT);
  expect(stderr).toBe('');
}

async function driveEdu(device: object = {}, cmdline = ''): Promise<void> {
  await using vm = await startVm(l1, driving({ host: EDU, ...device }, cmdline));
  expect(await vm.exited()).toBe(0);
  expect(complaintsOf(vm.output)).toEqual([]);
}

async function killInDma(cmdline = ''): Promise<void> {
  {
    await using vm = await startVm(l1, driving({ host: EDU }, 'dma-for-ever'));
    await vm.printed('DMA for ever');
    await vm.kill('KILL');
  }
  await driveEdu({}, cmdline);
}

/** What a guest writes to the disk it reads back. */
async function useNvme(device: object = {}): Promise<void> {
  await bind(NVME);
  const devices = { disk: { type: 'vfio', host: NVME, ...device } };
  await using vm = await startVm(l1, { kernel: linux('shell'), devices });
  const shell = await GuestShell.open(vm);
  await shell.run('for i in $(seq 50); do test -b /dev/nvme0n1 && break; sleep 0.2; done; test -b /dev/nvme0n1');
  await shell.run('dd if=/dev/urandom of=/tmp/data bs=64k count=64');
  await shell.run('dd if=/tmp/data of=/dev/nvme0n1 bs=64k oflag=direct');
  const [written] = (await shell.run('md5sum </tmp/data')).split(' ');
  const [read] = (await shell.run('dd if=/dev/nvme0n1 bs=4k count=1024 iflag=direct 2>/dev/null | md5sum')).split(' ');
  expect(read).toBe(written);
  expect(await shell.run('grep nvme0q /proc/interrupts')).toMatch(/ITS.*nvme0q1/);
  const { stats } = JSON.parse((await vm.ctl('stats --json')).stdout) as {
    stats: { devices: { counters: Counters }[] };
  };
  process.stdout.write(`  nvme: ${JSON.stringify({ ...device, ...stats.devices[0]!.counters })}\n`);
  vm.write('poweroff\n');
  expect(await vm.exited()).toBe(0);
}

/** `pci=nomsi`: with the wired interrupt. */
async function carryPackets(cmdline: string): Promise<void> {
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
}

describe.skipIf(!hasHost('vfio'))('VFIO', { timeout: TEST_TIMEOUT_MS }, () => {
  test('every check without a guest passes', () => runChecks('group'));

  test.each(['direct', 'trap'])(
    'edu (%s): registers, DMA, messages and the wired interrupt work in a guest',
    (policy) => driveEdu({ bars: { 0: policy } }),
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

  test('edu: a VMM that is killed in the middle of DMA leaves a device that works', () => killInDma());

  test('edu: a device that the host takes away does not take the guest with it', async () => {
    await using vm = await startVm(l1, driving({ host: EDU }, 'watch'));
    await vm.printed('WATCHING');
    await l1.must(`timeout 60 sh -c 'echo ${EDU} >/sys/bus/pci/drivers/vfio-pci/unbind'`);
    await vm.printed('GONE');
    expect(await vm.exited()).toBe(0);
    expect(vm.messages).toContain(`dev: The host takes PCI device ${EDU} away`);
    await l1.must(`echo ${EDU} >/sys/bus/pci/drivers_probe`);
  });

  test.each(['trap', 'direct', 'device'])(
    'edu (%s): writes arrive in order, as wide as the guest made them',
    async (policy) => {
      const writes = await tracedWrites(l1.directory, 'vfio', { name: 'edu-mmio', size: MiB }, async () => {
        await using vm = await startVm(l1, driving({ host: EDU, bars: { 0: policy } }, 'widths'));
        expect(await vm.exited()).toBe(0);
        expect(vm.output).toContain('WRITTEN ');
      });
      expect(writes).toEqual(
        Array.from({ length: 16 }, (_, round) => [
          { offset: 0x04, value: 0x1000 + round, size: 4 },
          { offset: 0x80, value: 0x2000_0000_2000 + round, size: 8 },
          { offset: 0x88, value: 0x3000 + round, size: 4 },
        ]).flat(),
      );
    },
  );

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
  test.each(['direct', 'trap'])('nvme (%s): what is written is read back', (policy) =>
    useNvme({ bars: { 0: policy } }),
  );

  test('a quirk of the machine is known to the guest by its host bridge and its device tree', async () => {
    await bind(NVME);
    const folder = `${l1.directory}/quirks/orko-vmm`;
    const quirk = { bridges: ['1b36:0008'], problem: 'this is a test', policy: 'direct' };
    const quirks = { test: { ...quirk, 'guest-bridge': '1def:e100', 'guest-dma': 'incoherent' } };
    await l1.must(`mkdir -p ${folder} && cat >${folder}/quirks.yaml`, { stdin: JSON.stringify({ quirks }) });
    const devices = { disk: { type: 'vfio', host: NVME }, entropy: { type: 'rng', transport: 'pci' } };
    const wrapper = `env XDG_CONFIG_HOME=${l1.directory}/quirks`;
    await using vm = await startVm(l1, { kernel: linux('shell'), devices }, { wrapper });
    const shell = await GuestShell.open(vm);
    expect(
      await shell.run('cat /sys/bus/pci/devices/0000:00:00.0/vendor /sys/bus/pci/devices/0000:00:00.0/device'),
    ).toBe('0x1def\n0xe100');
    expect(await shell.run('ls /proc/device-tree/pcie@*/ | grep -c coherent || true')).toBe('0');
    // What is not passed through does not go by that.
    expect(await shell.run('dd if=/dev/hwrng bs=1k count=4 2>/dev/null | wc -c')).toBe('4096');
    expect(vm.messages).toContain("The guest's PCI host bridge is 1def:e100");
    expect(vm.messages).toContain("The guest's device tree says that DMA of PCI devices does not see caches");
    vm.write('poweroff\n');
    expect(await vm.exited()).toBe(0);
  });

  test.each(['', 'pci=nomsi'])('e1000e carries packets (%s)', carryPackets);
});

describe.skipIf(!hasHost('vfio-iommufd'))(
  'VFIO on a host that has iommufd and no groups',
  { timeout: TEST_TIMEOUT_MS },
  () => {
    beforeAll(async () => {
      l1 = await host('vfio-iommufd');
      for (const address of [EDU, IVSHMEM]) await bind(address);
    });

    test('every check without a guest passes', () => runChecks('iommufd'));
    // KVM of Linux 7.3, in QEMU 7.2 as in 10.0, gives the payload its wired interrupt many times for one of the device; Linux gets it once.
    test('edu: registers, DMA and messages work in a guest', () => driveEdu({}, 'no-line'));
    test('edu: a VMM that is killed in the middle of DMA leaves a device that works', () => killInDma('no-line'));
    test('nvme: what is written is read back', () => useNvme());
    test.each(['', 'pci=nomsi'])('e1000e carries packets (%s)', carryPackets);

    test('what keeps a device from being passed through is said in one sentence', async () => {
      await using vm = await startVm(l1, driving({ host: IVSHMEM }, 'hold'));
      await vm.printed('HOLDING');
      expect(await refusal(driving({ host: IVSHMEM }))).toContain(`Cannot use PCI device ${IVSHMEM}: `);
      expect(await refusal(driving({ host: EDU, interface: 'group' }))).toContain('Cannot open /dev/vfio/');
      const user = 'env XDG_RUNTIME_DIR=/tmp setpriv --reuid 1000 --regid 1000 --groups 104';
      expect(await refusal(driving({ host: EDU, interface: 'iommufd' }), user)).toContain(
        'Cannot open /dev/iommu: Permission denied (EACCES): have root give it to you',
      );
      await l1.must('chmod 666 /dev/iommu /dev/vfio/devices/*');
      expect(await refusal(driving({ host: EDU }), user)).toMatch(
        /Cannot pin the 126 MiB of memory that PCI devices shall reach: this user may lock 8 MiB/,
      );
    });
  },
);

describe.skipIf(!hasHost('vfio-16k'))('VFIO on a host with pages of 16 KiB', { timeout: TEST_TIMEOUT_MS }, () => {
  beforeAll(async () => {
    l1 = await host('vfio-16k');
    await bind(IVSHMEM);
  });

  test('ivshmem: its registers, in less than a page, exit, and its memory does not', async () => {
    await using vm = await startVm(l1, driving({ host: IVSHMEM }));
    expect(await vm.exited()).toBe(0);
    expect(complaintsOf(vm.output)).toEqual([]);
  });
});
