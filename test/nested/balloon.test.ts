/** virtio-balloon: a guest's memory really leaves its host, and comes again. */
import { beforeAll, describe, expect, test } from 'vitest';
import { GuestShell } from '../support/guest-shell.ts';
import { eventually, memoryUse, onHost, openFiles } from '../support/host-memory.ts';
import { hasHost, host, type NestedHost } from '../support/nested-host.ts';
import { linux, rounds, startVm, TEST_TIMEOUT_MS, type Vm } from '../support/vm.ts';

/** A request that the VM cannot carry out. */
const REFUSED = 69;
/** Like no other mapping of a VMM, so that it is found in smaps. */
const RAM_MIB = 446;
/** How much the guest touches, and lends. */
const LOT_MIB = 160;
/** What a guest takes for itself in between, and the host for us. */
const SLACK_MIB = 40;
const DRIVER = '/sys/bus/virtio/drivers/virtio_balloon';
const REBINDS = rounds('balloon: unbind and bind', 100, 6);

/** Fills so much of the guest's memory with something, and lets it go. */
const touch = (mebibytes: number) => `dd if=/dev/zero of=/tmp/lot bs=1M count=${mebibytes} && rm /tmp/lot`;

/** The same with something that is looked at again; random is a piece of it alone, which would take most of the time. */
const FILL_AND_CHECK = `dd if=/dev/urandom of=/tmp/piece bs=1M count=8 && for i in $(seq ${LOT_MIB / 8}); do cat /tmp/piece; done >/tmp/lot && md5sum /tmp/lot >/tmp/sum && md5sum -c /tmp/sum`;

async function start(l1: NestedHost, devices: object, memory = `${RAM_MIB}M`): Promise<{ vm: Vm; shell: GuestShell }> {
  const vm = await startVm(l1, { kernel: linux('shell'), memory, devices });
  const shell = await GuestShell.open(vm);
  // A tmpfs takes half of memory unless told otherwise.
  await shell.run('mount -o remount,size=100% /tmp');
  return { vm, shell };
}

async function device(vm: Vm, name: string, action: string): Promise<string> {
  const { exitCode, stdout, stderr } = await vm.ctl(`device ${name} ${action}`);
  expect(exitCode, stderr).toBe(0);
  return stdout.trim();
}

/** Asks for so much, and waits until the guest has done it. */
async function lend(vm: Vm, mebibytes: number): Promise<void> {
  const said = await device(vm, 'balloon', `target ${mebibytes}M`);
  expect(said).toContain(`The guest shall lend ${mebibytes ? `${mebibytes} MiB` : '0 bytes'}`);
  const actual = async () => JSON.parse(await device(vm, 'balloon', 'stats')).actualBytes / 2 ** 20;
  await eventually(actual, (lent) => lent === mebibytes);
}

describe('virtio-balloon', { timeout: TEST_TIMEOUT_MS }, () => {
  let l1: NestedHost;
  beforeAll(async () => {
    l1 = await host('main');
  });

  test('what the guest lends leaves the host, and comes again when the guest has it back', async () => {
    const { vm, shell } = await start(l1, { balloon: { type: 'balloon', 'free-page-reporting': false } });
    await using _ = vm;
    await shell.run(touch(LOT_MIB));
    const before = await memoryUse(l1, vm, RAM_MIB);
    expect(before.residentMiB).toBeGreaterThan(LOT_MIB);

    await lend(vm, LOT_MIB);
    const lent = await memoryUse(l1, vm, RAM_MIB);
    expect(before.residentMiB - lent.residentMiB).toBeGreaterThan(LOT_MIB - SLACK_MIB);
    expect(lent.availableMiB - before.availableMiB).toBeGreaterThan(LOT_MIB - 3 * SLACK_MIB);

    await lend(vm, 0);
    await shell.run(FILL_AND_CHECK);
    const again = await memoryUse(l1, vm, RAM_MIB);
    expect(again.residentMiB - lent.residentMiB).toBeGreaterThan(LOT_MIB - SLACK_MIB);
    vm.write('poweroff -f\n');
    expect(await vm.exited()).toBe(0);
  });

  test('a target from the start; statistics; what cannot be lent is refused', async () => {
    const { vm, shell } = await start(l1, { balloon: { type: 'balloon', target: '64M', 'stats-interval-s': 1 } });
    await using _ = vm;
    const stats = async () => JSON.parse(await device(vm, 'balloon', 'stats'));
    const seen = await eventually(stats, ({ actualBytes }) => actualBytes === 64 * 2 ** 20);
    expect(seen).toMatchObject({ targetBytes: 64 * 2 ** 20 });
    const total = Number((await shell.run('grep MemTotal: /proc/meminfo')).split(/ +/)[1]) * 1024;
    expect((await eventually(stats, ({ guest }) => guest?.totalBytes > 0)).guest.totalBytes).toBe(total);
    const fresh = await eventually(stats, ({ ageMs }) => ageMs < 5000);
    expect(fresh.guest.freeBytes).toBeLessThan(total);
    const tooMuch = await vm.ctl(`device balloon target ${RAM_MIB + 2}M`);
    expect(tooMuch.exitCode).toBe(REFUSED);
    expect(tooMuch.stderr).toContain(`it has ${RAM_MIB} MiB in all: lower the target`);
    expect(await device(vm, 'balloon', 'target 0')).toContain('now it lends 64 MiB');
  });

  test('free page reporting: memory that a process gave up leaves the host by itself', async () => {
    const { vm, shell } = await start(l1, { balloon: { type: 'balloon' } });
    await using _ = vm;
    await shell.run(`dd if=/dev/zero of=/tmp/lot bs=1M count=${LOT_MIB}`);
    const full = await memoryUse(l1, vm, RAM_MIB);
    expect(full.residentMiB).toBeGreaterThan(LOT_MIB);
    await shell.run('rm /tmp/lot');
    const use = () => memoryUse(l1, vm, RAM_MIB);
    const free = await eventually(use, ({ residentMiB }) => full.residentMiB - residentMiB > LOT_MIB - SLACK_MIB);
    expect(free.availableMiB - full.availableMiB).toBeGreaterThan(LOT_MIB - 3 * SLACK_MIB);
    await shell.run(FILL_AND_CHECK);
  });

  test('deflate-on-oom: a guest that needs more than it has left takes it back, and otherwise kills', async () => {
    const greedy = 'dd if=/dev/zero of=/dev/null bs=180M count=1';
    for (const [deflate, isSaved] of [
      [true, true],
      [false, false],
    ]) {
      const balloon = { type: 'balloon', target: '160M', 'deflate-on-oom': deflate };
      const { vm, shell } = await start(l1, { balloon }, '256M');
      await using _ = vm;
      const lent = async () => JSON.parse(await device(vm, 'balloon', 'stats')).actualBytes / 2 ** 20;
      await eventually(lent, (mebibytes) => mebibytes === 160);
      const { exitCode, output } = await shell.try(greedy);
      expect(exitCode === 0, output).toBe(isSaved);
      if (isSaved) expect(await lent()).toBeLessThan(160);
      expect(await shell.run('echo alive')).toBe('alive');
    }
  });

  test('two of them; drivers come and go with as many files open; a reboot keeps the target', async () => {
    const { vm, shell } = await start(l1, {
      balloon: { type: 'balloon', target: '32M' },
      second: { type: 'balloon', 'free-page-reporting': false, interrupt: 'strict', iothread: 'other' },
    });
    await using _ = vm;
    await device(vm, 'second', 'target 16M');
    const actual = async () => {
      const both = [await device(vm, 'balloon', 'stats'), await device(vm, 'second', 'stats')];
      return both.map((stats) => JSON.parse(stats).actualBytes / 2 ** 20);
    };
    const isLent = ([first, second]: number[]) => first === 32 && second === 16;
    await eventually(actual, isLent);
    await shell.run(
      'for v in virtio0 virtio1; do echo $v >DRIVER/unbind; echo $v >DRIVER/bind; done'.replaceAll('DRIVER', DRIVER),
    );
    await eventually(actual, isLent);
    const files = await openFiles(l1, vm);
    const rebind = `echo virtio0 >${DRIVER}/unbind && echo virtio1 >${DRIVER}/unbind && echo virtio0 >${DRIVER}/bind && echo virtio1 >${DRIVER}/bind`;
    await shell.run(`for i in $(seq ${REBINDS}); do ${rebind} || exit 1; done`, TEST_TIMEOUT_MS / 2);
    await eventually(actual, isLent);
    expect(await openFiles(l1, vm)).toBe(files);

    await vm.ctl('reboot');
    const again = await GuestShell.open(vm, 2);
    await eventually(actual, isLent);
    expect(await openFiles(l1, vm)).toBe(files);
    expect(await again.run('dmesg | grep -ciE "WARN|BUG" || true')).toBe('0');
  });

  test('RAM from the huge-page pool stays: a target is refused', async () => {
    const pages = '/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages';
    await onHost(l1, `echo 64 >${pages} && grep -qx 64 ${pages}`);
    try {
      const memory = { size: '128M', hugepages: '2M' };
      await using vm = await startVm(l1, { kernel: linux('shell'), memory, devices: { balloon: { type: 'balloon' } } });
      await GuestShell.open(vm);
      const { exitCode, stderr } = await vm.ctl('device balloon target 16M');
      expect(exitCode).toBe(REFUSED);
      expect(stderr).toContain("guest RAM is from the host's huge-page pool");
    } finally {
      await onHost(l1, `echo 0 >${pages}`);
    }
  });

  test.skipIf(!hasHost('16k'))(
    'a host with 16 KiB pages: a guest with smaller ones gives whole pages back',
    async () => {
      const big = await host('16k');
      const { vm, shell } = await start(big, { balloon: { type: 'balloon', 'free-page-reporting': false } });
      await using _ = vm;
      expect(await onHost(big, 'getconf PAGESIZE')).toBe('16384');
      await shell.run(touch(LOT_MIB));
      const before = await memoryUse(big, vm, RAM_MIB);
      await lend(vm, LOT_MIB);
      const lent = await memoryUse(big, vm, RAM_MIB);
      expect(before.residentMiB - lent.residentMiB).toBeGreaterThan(LOT_MIB - SLACK_MIB);
      await lend(vm, 0);
      await shell.run(FILL_AND_CHECK);
    },
  );
});
