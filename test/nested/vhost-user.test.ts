/**
 * Devices that other processes serve, with the back-ends of Debian: what is special to disks and folders, many back-ends, and ones that
 * cannot be used. One of each kind, used in every way: foreign-back-ends.test.ts.
 */
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { TRANSPORT } from '../support/environment.ts';
import { makeFileSystem } from '../support/file-system-image.ts';
import { VIRTIOFSD } from '../support/foreign-back-ends.ts';
import { GuestShell } from '../support/guest-shell.ts';
import { type HostProcess, host, type NestedHost } from '../support/nested-host.ts';
import { serveDisks } from '../support/storage-daemon.ts';
import { linux, rounds, startVm, TEST_TIMEOUT_MS, timeoutMsWith, type Vm, type VmOptions } from '../support/vm.ts';

const UNAVAILABLE = 69;
const READS = 500;
/** What else the guest does meanwhile. */
const EXITS_SLACK = 0.1;
const MIB = 2 ** 20;
const NOBODY = '65534';
const REBINDS = rounds('vhost-user: unbind and bind', 50, 4);
const REBOOTS = rounds('vhost-user: reboots', 5, 1);
const FILES = rounds('vhost-user: files in a folder', 10_000, 500);
/** To read all of them: each takes some milliseconds where the host is emulated. */
const FILES_MS = 60_000 + 30 * FILES;

let l1: NestedHost;
/** Disks, folders and sockets of one test, in memory of the host. */
let folder: string;
let number = 0;
let daemons: HostProcess[];

beforeAll(async () => {
  l1 = await host('main');
});
beforeEach(async () => {
  folder = `/tmp/vhost-user-${process.pid}-${number++}`;
  daemons = [];
  await onHost(`mkdir ${folder}`);
});
afterEach(async () => {
  for (const daemon of daemons) await daemon.kill('KILL').catch(() => {});
  await onHost(`rm -rf ${folder}`);
});

function onHost(command: string): Promise<string> {
  return l1.must(command, { timeoutMs: TEST_TIMEOUT_MS / 2 });
}

/** Serves each disk at the socket of its name. */
async function serve(...disks: readonly string[]): Promise<HostProcess> {
  const daemon = await serveDisks(l1, disks);
  daemons.push(daemon);
  return daemon;
}

async function start(devices: object): Promise<{ vm: Vm; shell: GuestShell }> {
  const vm = await startVm(l1, { kernel: linux('shell'), devices });
  return { vm, shell: await GuestShell.open(vm) };
}

/** MMIO exits to orko-vmm for each read of 4 KiB, one after the other. The command has exits too, all of them the console's. */
async function exitsPerRequest(vm: Vm, shell: GuestShell, disk: string): Promise<number> {
  const exitsOf = async (source: string): Promise<number> => {
    const exits = async () => {
      const { stats } = JSON.parse((await vm.ctl('stats --json')).stdout) as { stats: { kvm: Record<string, number> } };
      return stats.kvm['mmio_exit_user']!;
    };
    const before = await exits();
    await shell.run(`dd if=${source} of=/dev/null bs=4k count=${READS} 2>/dev/null`);
    return (await exits()) - before;
  };
  const console = await exitsOf('/dev/zero');
  const each = ((await exitsOf(`/dev/${disk} iflag=direct`)) - console) / READS;
  process.stdout.write(`  vhost-user, ${disk}: ${each.toFixed(3)} exits per request\n`);
  return each;
}

async function checkDisk(shell: GuestShell, disk: string): Promise<void> {
  await shell.run(`mount -t ext4 /dev/${disk} /mnt && cd /mnt && md5sum -c SUMS && cd / && umount /mnt`);
}

describe('vhost-user', { timeout: timeoutMsWith(REBINDS, REBOOTS) }, () => {
  test('two disks of qemu-storage-daemon, direct and strict: files, drivers that come and go, a reboot', async () => {
    const [direct, strict] = [
      await makeFileSystem(l1, join(folder, 'direct')),
      await makeFileSystem(l1, join(folder, 'strict')),
    ];
    await serve(direct, strict);
    const { vm, shell } = await start({
      direct: { type: 'blk', backend: `${direct}.sock` },
      strict: { type: 'blk', interrupt: 'strict', backend: `${strict}.sock` },
    });
    await using _ = vm;
    for (const disk of ['vda', 'vdb']) {
      await checkDisk(shell, disk);
      await shell.run(`mount -t ext4 /dev/${disk} /mnt && cp /mnt/file-3000000 /mnt/copy && umount /mnt`);
    }
    await shell.run('echo 3 >/proc/sys/vm/drop_caches; mount -t ext4 /dev/vda /mnt && cmp /mnt/copy /mnt/file-3000000');
    await shell.run('umount /mnt');
    // Direct, a request costs no exit; strict, the acknowledgement of its interrupt, which a message has not.
    const strictExits = TRANSPORT === 'pci' ? 0 : 1;
    expect(Math.abs(await exitsPerRequest(vm, shell, 'vda'))).toBeLessThan(EXITS_SLACK);
    expect(Math.abs((await exitsPerRequest(vm, shell, 'vdb')) - strictExits)).toBeLessThan(EXITS_SLACK);
    const driver = '/sys/bus/virtio/drivers/virtio_blk';
    for (let round = 0; round < REBINDS; round++) {
      await shell.run(`cd ${driver} && for d in virtio0 virtio1; do echo $d >unbind; echo $d >bind; done; cd /`);
    }
    await checkDisk(shell, 'vda');
    await checkDisk(shell, 'vdb');
    let last = shell;
    for (let boot = 2; boot <= 1 + REBOOTS; boot++) {
      vm.write('reboot -f\n');
      last = await GuestShell.open(vm, boot);
      await checkDisk(last, 'vda');
      await checkDisk(last, 'vdb');
    }
    vm.write('poweroff -f\n');
    expect(await vm.exited()).toBe(0);
    expect(vm.messages).toBe('');
    for (const path of [direct, strict]) {
      await onHost(`e2fsck -fn ${path} && debugfs -R 'dump /copy ${path}.copy' ${path}`);
      await onHost(`cmp ${path}.copy ${path}.tree/file-3000000`);
    }
  });

  test('a disk whose back-end comes late, is killed, and comes again; the other goes on', async () => {
    const [fragile, other] = [
      await makeFileSystem(l1, join(folder, 'fragile')),
      await makeFileSystem(l1, join(folder, 'other')),
    ];
    await serve(other);
    const starting = startVm(l1, {
      kernel: linux('shell'),
      devices: {
        fragile: { type: 'blk', backend: `${fragile}.sock` },
        other: { type: 'blk', backend: `${other}.sock` },
      },
    });
    await using vm = await starting;
    const daemon = await serve(fragile);
    const shell = await GuestShell.open(vm);
    await checkDisk(shell, 'vda');

    await daemon.kill('KILL');
    await checkDisk(shell, 'vdb');
    await onHost(`rm -f ${fragile}.sock`);
    const next = await serve(fragile);
    await vm.said('fragile.sock is there again');
    await checkDisk(shell, 'vda');

    // In the middle of something it cannot go on; the guest's driver gets it back at the next boot. Several writers: at no
    // moment has it nothing in hand.
    const write = 'dd if=/dev/zero of=/dev/vda seek=20 bs=64k oflag=direct count=100000 2>/dev/null &';
    await shell.run(`for n in 1 2 3 4 5 6; do ${write} done; sleep 2`);
    await next.kill('KILL');
    await vm.said('its back-end is gone, and with it what it had in hand');
    await checkDisk(shell, 'vdb');
    await onHost(`rm -f ${fragile}.sock`);
    await serve(fragile);
    await expect.poll(() => vm.messages.split('is there again').length - 1, { timeout: 20_000 }).toBe(2);
    expect((await vm.ctl('reboot')).exitCode).toBe(0);
    const again = await GuestShell.open(vm, 2);
    await again.run('dd if=/dev/vda of=/dev/null bs=64k count=20');
    await checkDisk(again, 'vdb');
  });

  test('a disk that grows while the guest uses it', async () => {
    const disk = await makeFileSystem(l1, join(folder, 'disk'));
    const qmp = `${disk}.qmp`;
    const monitor = `--chardev socket,id=m,path=${qmp},server=on,wait=off --monitor chardev=m`;
    daemons.push(
      l1.spawn(`exec qemu-storage-daemon ${monitor} --blockdev driver=file,node-name=disk0,filename=${disk} \
        --export type=vhost-user-blk,id=e,node-name=disk0,writable=on,addr.type=unix,addr.path=${disk}.sock`),
    );
    const { vm, shell } = await start({ disk: { type: 'blk', backend: `${disk}.sock` } });
    await using _ = vm;
    expect(await shell.run('cat /sys/block/vda/size')).toBe(String((32 * MIB) / 512));
    const grow = `{"execute":"block_resize","arguments":{"node-name":"disk0","size":${64 * MIB}}}`;
    await onHost(`printf '{"execute":"qmp_capabilities"}\n${grow}\n' | socat -t 2 - UNIX-CONNECT:${qmp}`);
    await shell.run(`until [ $(cat /sys/block/vda/size) = ${(64 * MIB) / 512} ]; do sleep 0.1; done`);
    await checkDisk(shell, 'vda');
  });

  test('a folder by virtiofsd, which we start, direct and strict: files both ways, many of them, killed and started again', async () => {
    const shared = join(folder, 'shared');
    await onHost(`mkdir -p ${shared}/many && head -c 3000000 /dev/urandom >${shared}/from-host && cd ${shared}/many &&
      for n in $(seq ${FILES}); do echo $n >f$n; done`);
    const command = [VIRTIOFSD, '--socket-path', '{socket}', '--shared-dir', shared, '--sandbox', 'none'];
    const { vm, shell } = await start({
      share: { type: 'fs', backend: { command } },
      other: { type: 'fs', interrupt: 'strict', backend: { command } },
    });
    await using _ = vm;
    await shell.run('mount -t virtiofs share /mnt');
    expect((await shell.run('md5sum </mnt/from-host')).slice(0, 32)).toBe(
      (await onHost(`md5sum <${shared}/from-host`)).slice(0, 32),
    );
    expect(await shell.run('find /mnt/many -type f | wc -l', FILES_MS)).toBe(String(FILES));
    const all = 'cat many/* | md5sum';
    expect(await shell.run(`cd /mnt && ${all}; cd /`, FILES_MS)).toBe(
      (await onHost(`cd ${shared} && LC_ALL=C && ${all}`)).trim(),
    );
    expect(await shell.run('/init locks')).toContain('ORKO-CHECK locks PASS');
    await shell.run('cp /mnt/from-host /mnt/from-guest && sync && umount /mnt');
    await onHost(`cmp ${shared}/from-host ${shared}/from-guest`);

    const useBoth = async (on: GuestShell) => {
      for (const tag of ['share', 'other']) {
        await on.run(`mount -t virtiofs ${tag} /mnt && cmp /mnt/from-host /mnt/from-guest && umount /mnt`);
      }
    };
    const rebind = 'for d in virtio0 virtio1; do echo $d >unbind; echo $d >bind; done';
    for (let round = 0; round < REBINDS; round++) {
      await shell.run(`cd /sys/bus/virtio/drivers/virtiofs && ${rebind}; cd /`);
    }
    await useBoth(shell);

    await onHost('pkill -KILL -x virtiofsd');
    await vm.said('share: virtiofsd is there again');
    await vm.said('other: virtiofsd is there again');
    await shell.run(`cd /sys/bus/virtio/drivers/virtiofs && ${rebind}; cd /`);
    await useBoth(shell);
    for (let boot = 2; boot <= 1 + REBOOTS; boot++) {
      vm.write('reboot -f\n');
      await useBoth(await GuestShell.open(vm, boot));
    }
    await vm.kill('KILL');
    await vm.exited();
    await onHost('for n in $(seq 50); do pgrep -x virtiofsd >/dev/null || exit 0; sleep 0.1; done; exit 1');
  });

  test('sixteen back-ends in one VM', async () => {
    const disks = Array.from({ length: 16 }, (_, index) => join(folder, `disk${index}`));
    await onHost(disks.map((path, index) => `head -c ${(index + 1) * MIB} /dev/urandom >${path}`).join(' && '));
    // Half of them in a process of their own.
    for (const path of disks.slice(8)) await serve(path);
    await serve(...disks.slice(0, 8));
    const devices = disks.map((path, index) => [`disk${index}`, { type: 'blk', backend: `${path}.sock` }]);
    const { vm, shell } = await start(Object.fromEntries(devices));
    await using _ = vm;
    const sums = await shell.run('for d in a b c d e f g h i j k l m n o p; do md5sum </dev/vd$d; done');
    const expected = await onHost(disks.map((path) => `md5sum <${path}`).join(' && '));
    expect(sums.split('\n').map((line) => line.slice(0, 32))).toEqual(
      expected.split('\n').map((line) => line.slice(0, 32)),
    );
  });

  test('what cannot be used is said before the guest runs', async () => {
    const run = async (backend: object, options: VmOptions = {}) => {
      const vm = await startVm(l1, { kernel: linux('shell'), devices: { disk: { type: 'blk', backend } } }, options);
      return { exitCode: await vm.exited(), messages: vm.messages };
    };
    const quick = { 'start-timeout-s': 1 };
    expect(await run({ socket: `${folder}/none.sock`, ...quick })).toMatchObject({
      exitCode: UNAVAILABLE,
      messages: expect.stringContaining(
        `Cannot use the back-end at ${folder}/none.sock for disk: it is not there after 1 s`,
      ),
    });
    const mine = join(folder, 'mine');
    await onHost(`truncate -s 1M ${mine}`);
    await serve(mine);
    await onHost(`chmod 600 ${mine}.sock`);
    const asSomebody = `setpriv --reuid ${NOBODY} --regid ${NOBODY} --groups $(stat -c %g /dev/kvm) env HOME=/tmp`;
    expect(await run({ socket: `${mine}.sock`, ...quick }, { wrapper: asSomebody })).toMatchObject({
      exitCode: UNAVAILABLE,
      messages: expect.stringMatching(/Cannot use the back-end at \S+ for disk: .*Permission denied/),
    });
    const command = [VIRTIOFSD, '--socket-path', '{socket}', '--shared-dir', '/etc', '--sandbox', 'none'];
    const wrong = await run({ command });
    expect(wrong).toMatchObject({ exitCode: UNAVAILABLE });
    expect(wrong.messages).toMatch(/Cannot use virtiofsd for disk: it (has no config space|has closed|gives)/);
  });
});
