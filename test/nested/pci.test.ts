/**
 * The guest's PCI bus, and virtio-pci on it: what a Linux guest finds and lspci thinks of it, messages and wired interrupts,
 * functions that go and come back elsewhere, and what the guest leaves for.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { MiB } from '../../src/base/units.ts';
import { GuestShell } from '../support/guest-shell.ts';
import { hasHost, host, type NestedHost } from '../support/nested-host.ts';
import { linux, NODE_MAPPINGS, rounds, startVm, TEST_TIMEOUT_MS, type Vm } from '../support/vm.ts';

const DRIVER = '/sys/bus/pci/drivers/virtio-pci';
const FUNCTIONS = '/sys/bus/pci/devices';
const READS = 200;
const MANY = 30;

let l1: NestedHost;
beforeAll(async () => {
  l1 = await host('main');
});

/** A disk whose every sector says where it is. */
async function createDisk(arm: NestedHost, name: string): Promise<string> {
  const path = join(arm.directory, name);
  const words = Uint32Array.from({ length: MiB / 4 }, (_, index) => index >>> 7);
  await writeFile(path, new Uint8Array(words.buffer));
  return path;
}

interface Stats {
  readonly kvm: Readonly<Record<string, number>>;
  readonly devices: readonly { name: string; queues: readonly { chains: number; interrupts: number }[] }[];
}

async function statsOf(vm: Vm): Promise<Stats> {
  return JSON.parse((await vm.ctl('stats --json')).stdout).stats;
}

/** READS requests of a page each. */
const readFrom = (name: string) => `dd if=/dev/${name} of=/dev/null bs=4k count=${READS} iflag=direct 2>/dev/null`;

/** What was counted before and after, and how often the guest left to us in between. */
async function watched(vm: Vm, work: () => Promise<unknown>): Promise<[{ before: Stats; after: Stats }, number]> {
  const before = await statsOf(vm);
  await work();
  const after = await statsOf(vm);
  return [{ before, after }, after.kvm['mmio_exit_user']! - before.kvm['mmio_exit_user']!];
}

/** What /proc/interrupts has counted in lines that match, all CPUs together. */
async function counted(shell: GuestShell, pattern: RegExp): Promise<number> {
  const lines = (await shell.run('cat /proc/interrupts')).split('\n').filter((line) => pattern.test(line));
  expect(lines.length, `${pattern}`).toBeGreaterThan(0);
  const counts = lines.flatMap((line) => /^ *\d+:((?: +\d+)+) /.exec(line)![1]!.trim().split(/ +/));
  return counts.reduce((sum, count) => sum + Number(count), 0);
}

/** `disk` (vda, vdb …) has the words of createDisk. */
async function readsRight(shell: GuestShell, disk: string): Promise<void> {
  const dump = await shell.run(
    `dd if=/dev/${disk} bs=512 skip=1029 count=1 iflag=direct 2>/dev/null | hexdump -C | head -1`,
  );
  expect(dump).toContain('05 04 00 00 05 04 00 00');
}

/** What lspci makes of the configuration spaces that the guest sees. */
async function lspci(shell: GuestShell): Promise<string> {
  const dump = await shell.run(
    `for d in ${FUNCTIONS}/*; do n=\${d##*/}; echo "\${n#0000:} dump"; hexdump -ve '"%04.4_ax:" 16/1 " %02x" "\\n"' $d/config | cut -c2-; echo; done`,
  );
  const file = join(l1.directory, 'lspci.txt');
  await writeFile(file, `${dump}\n`);
  const { stdout, stderr, exitCode } = await l1.run(`lspci -F ${file} -vvv -n`);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  return stdout;
}

describe('virtio-pci', { timeout: TEST_TIMEOUT_MS }, () => {
  test('messages for each queue, of our own devices and of a back-end; lspci; removal and return; reboot, pause', async () => {
    const path = await createDisk(l1, 'pci-disk.img');
    const command = ['orko-vmm', 'backend', 'blk', '--socket-path', '{socket}', `--path=${path}`, '--readonly'];
    const devices = {
      rng0: { type: 'rng', transport: 'pci', packed: 'on' },
      disk0: { type: 'blk', path, readonly: true, transport: 'pci', queues: 2 },
      disk1: { type: 'blk', backend: { command }, transport: 'pci', iothread: 'other' },
      disk2: { type: 'blk', path, readonly: true },
    };
    await using vm = await startVm(l1, { kernel: linux('shell'), cpus: 2, devices });
    const shell = await GuestShell.open(vm);
    const ids = await shell.run(`cat ${FUNCTIONS}/*/device`);
    expect(ids.split('\n')).toEqual(['0x0008', '0x1044', '0x1042', '0x1042']);
    for (const disk of ['vda', 'vdb', 'vdc']) await readsRight(shell, disk);

    const found = await lspci(shell);
    expect(found).toContain('00:00.0 0600: 1b36:0008');
    expect(found).toContain('MSI-X: Enable+ Count=3 Masked-');
    expect(found).toMatch(/Region 0: Memory at 1[0-9a-f]{7} \(32-bit, non-prefetchable\)/);
    expect(found).toContain('Capabilities: [40] Vendor Specific Information: VirtIO: CommonCfg');
    expect(found).toContain('VirtIO: Notify');
    expect(found).not.toMatch(/invalid|unknown header|<chain broken>/i);

    // Each read is a request and an interrupt; the guest leaves for none of them.
    for (const index of [1, 2]) {
      const folder = `${FUNCTIONS}/0000:00:0${index + 1}.0`;
      const disk = await shell.run(`ls ${folder}/virtio*/block`);
      const name = `${await shell.run(`cd ${folder}; echo virtio*`)}-req`;
      const interruptsBefore = await counted(shell, new RegExp(name));
      const [, console] = await watched(vm, () => shell.run(readFrom('zero').replace(' iflag=direct', '')));
      const [{ before, after }, exits] = await watched(vm, () => shell.run(readFrom(disk)));
      const interrupts = (await counted(shell, new RegExp(name))) - interruptsBefore;
      expect(interrupts, name).toBe(READS);
      if (index === 1) {
        const sum = ({ devices: all }: Stats) => all[1]!.queues.reduce((total, queue) => total + queue.interrupts, 0);
        expect(sum(after) - sum(before), 'interrupts that the device has made').toBe(interrupts);
      }
      // The console's are those of the other command too.
      expect(Math.abs(exits - console), `${exits} exits, ${console} of them the console's`).toBeLessThan(READS / 4);
    }

    await using probe = await vm.probe();
    const before = await probe.usage();
    for (let round = rounds('unbind and bind', 100, 5); round > 0; round--) {
      await shell.run(
        `for d in 0000:00:01.0 0000:00:02.0 0000:00:03.0; do echo $d >${DRIVER}/unbind && echo $d >${DRIVER}/bind || exit 1; done`,
      );
    }
    // Taken from the bus and found again, in another order: their BARs are written anew.
    const places = await shell.run(`grep . ${FUNCTIONS}/0000:00:0[123].0/resource | grep 0x000000001`);
    await shell.run(`for d in 3 1 2; do echo 1 >${FUNCTIONS}/0000:00:0$d.0/remove; done; echo 1 >/sys/bus/pci/rescan`);
    expect(await shell.run(`grep . ${FUNCTIONS}/0000:00:0[123].0/resource | grep -c 0x000000001`)).toBe(
      String(places.split('\n').length),
    );
    for (const disk of ['vda', 'vdb', 'vdc']) await readsRight(shell, disk);
    const { fds, mappings, threads } = await probe.usage();
    expect({ fds, threads }).toEqual({ fds: before.fds, threads: before.threads });
    expect(mappings).toBeLessThan(before.mappings + NODE_MAPPINGS);

    expect((await vm.ctl('pause')).exitCode).toBe(0);
    expect((await vm.ctl('resume')).exitCode).toBe(0);
    await readsRight(shell, 'vda');

    vm.write('reboot -f\n');
    const again = await GuestShell.open(vm, 2);
    for (const disk of ['vda', 'vdb', 'vdc']) await readsRight(again, disk);
    expect(await again.run('head -c 64 /dev/hwrng | md5sum')).toMatch(/^[0-9a-f]{32} /);
    vm.write('poweroff -f\n');
    expect(await vm.exited()).toBe(0);
    expect(vm.messages).toBe('');
  });

  test('vectors that the guest moves to other CPUs, masks and unmasks under load lose nothing', async () => {
    const path = await createDisk(l1, 'pci-moved.img');
    const devices = { disk0: { type: 'blk', path, readonly: true, transport: 'pci' } };
    await using vm = await startVm(l1, { kernel: linux('shell'), cpus: 2, devices });
    const shell = await GuestShell.open(vm);
    const count = rounds('moves of an interrupt', 1000, 50);
    await shell.run(
      'mkdir -p /tmp; (while :; do dd if=/dev/vda of=/dev/null bs=4k iflag=direct 2>/dev/null; echo >>/tmp/reads; done) & echo $! >/tmp/pid',
    );
    const irq = await shell.run("sed -n 's/^ *\\([0-9]*\\):.*virtio0-req.*/\\1/p' /proc/interrupts");
    await shell.run(
      `i=0; while [ $i -lt ${count} ]; do echo 1 >/proc/irq/${irq}/smp_affinity; echo 2 >/proc/irq/${irq}/smp_affinity; i=$((i+1)); done`,
      TEST_TIMEOUT_MS,
    );
    const readsBefore = Number(await shell.run('cat /tmp/reads 2>/dev/null | wc -c'));
    await expect
      .poll(async () => Number(await shell.run('cat /tmp/reads 2>/dev/null | wc -c')), { timeout: 60_000 })
      .toBeGreaterThan(readsBefore);
    await shell.run('kill $(cat /tmp/pid)');
  });

  test('without an ITS: wired interrupts, two functions on one line', async () => {
    const path = await createDisk(l1, 'pci-wired.img');
    // Devices 1 and 5 interrupt by the same line.
    const disk = { type: 'blk', path, readonly: true, transport: 'pci' };
    const devices = { disk0: disk, rng0: { type: 'rng', transport: 'pci' }, disk1: disk, disk2: disk, disk3: disk };
    await using vm = await startVm(l1, { kernel: linux('shell'), its: 'off', devices });
    const shell = await GuestShell.open(vm);
    expect(await shell.run('cat /proc/interrupts')).toMatch(/GICv3 +36 Level +virtio0, virtio4/);
    const lines = await counted(shell, /virtio0, virtio4/);
    for (const name of ['vda', 'vdb', 'vdc', 'vdd']) await readsRight(shell, name);
    await shell.run(`${readFrom('vda')} & ${readFrom('vdd')}; wait`);
    expect(await shell.run('head -c 64 /dev/hwrng | md5sum')).toMatch(/^[0-9a-f]{32} /);
    expect((await counted(shell, /virtio0, virtio4/)) - lines).toBeGreaterThan(READS);
    expect(await shell.run("dmesg | grep -c 'nobody cared' || true")).toBe('0');
    vm.write('reboot -f\n');
    await readsRight(await GuestShell.open(vm, 2), 'vdd');
  });

  test.skipIf(!hasHost('pi4'))('on a board with GICv2m and without FWB', async () => {
    const pi4 = await host('pi4');
    const path = await createDisk(pi4, 'pci-pi4.img');
    const devices = {
      disk0: { type: 'blk', path, readonly: true, transport: 'pci' },
      rng0: { type: 'rng', transport: 'pci' },
    };
    await using vm = await startVm(pi4, { kernel: linux('shell'), devices });
    const shell = await GuestShell.open(vm);
    expect(await shell.run('cat /proc/interrupts')).toMatch(/GICv2m-PCI-MSIX-0000:00:01\.0 +1 Edge +virtio0-req/);
    await readsRight(shell, 'vda');
    const before = await counted(shell, /virtio0-req/);
    await shell.run(readFrom('vda'));
    expect((await counted(shell, /virtio0-req/)) - before).toBe(READS);
    expect(await shell.run('head -c 64 /dev/hwrng | md5sum')).toMatch(/^[0-9a-f]{32} /);
  });

  test('devices that come and go: unplugged, plugged in again, and gone with the guest that was asked for them', async () => {
    const path = await createDisk(l1, 'pci-plugged.img');
    const disk = { type: 'blk', path, readonly: true, transport: 'pci' };
    const devices = { disk0: { ...disk, hotplug: true }, disk1: disk };
    await using vm = await startVm(l1, { kernel: linux('shell'), devices });
    const shell = await GuestShell.open(vm);
    expect(await shell.run('ls /sys/bus/pci/slots')).toBe('1');
    // What hangs on the root bus is probed first.
    for (const name of ['vda', 'vdb']) await readsRight(shell, name);
    await using probe = await vm.probe();
    const before = await probe.usage();
    for (let round = rounds('unplug and plug', 20, 2), times = 1; round > 0; round--, times++) {
      expect((await vm.ctl('device disk0 unplug')).stdout).toContain('asked to let disk0 go');
      await expect
        .poll(() => vm.messages.split('disk0: the guest has let it go').length - 1, { timeout: 60_000 })
        .toBe(times);
      expect(await shell.run('ls /sys/block')).toBe('vda');
      expect((await vm.ctl('device disk0 unplug')).stderr).toContain('it is not plugged in');
      await readsRight(shell, 'vda');
      expect((await vm.ctl('device disk0 plug')).stdout).toContain('disk0 is plugged in');
      await expect.poll(() => shell.run('ls /sys/block'), { timeout: 60_000 }).toContain('vdb');
      await readsRight(shell, 'vdb');
    }
    expect((await vm.ctl('device disk0 plug')).stderr).toContain('it is plugged in already');
    expect((await vm.ctl('device disk0 dance')).stderr).toContain(
      'Device disk0 cannot "dance": it can resize, unplug, plug',
    );
    const { fds, threads } = await probe.usage();
    expect({ fds, threads }).toEqual({ fds: before.fds, threads: before.threads });

    await vm.ctl('device disk0 unplug');
    vm.write('reboot -f\n');
    const again = await GuestShell.open(vm, 2);
    expect(await again.run('ls /sys/block')).toBe('vda');
    await vm.ctl('device disk0 plug');
    await expect.poll(() => again.run('ls /sys/block'), { timeout: 60_000 }).toContain('vdb');
    await readsRight(again, 'vdb');
  });

  test(`${MANY} functions`, async () => {
    const devices = Object.fromEntries(
      Array.from({ length: MANY }, (_, index) => [`rng${index}`, { type: 'rng', transport: 'pci' }]),
    );
    await using vm = await startVm(l1, { kernel: linux('shell'), devices });
    const shell = await GuestShell.open(vm);
    const available = await shell.run('cat /sys/class/misc/hw_random/rng_available');
    expect(available.match(/virtio_rng\.\d+/g)).toHaveLength(MANY);
    for (const index of [0, MANY - 1]) {
      await shell.run(`echo virtio_rng.${index} >/sys/class/misc/hw_random/rng_current`);
      expect(await shell.run('head -c 64 /dev/hwrng | md5sum')).toMatch(/^[0-9a-f]{32} /);
    }
  });
});
