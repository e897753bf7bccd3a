/** Devices whose back-ends see a pool instead of guest RAM, and a back-end that is after the rest of it. */
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { VIRTIOFSD } from '../support/foreign-back-ends.ts';
import { GuestShell } from '../support/guest-shell.ts';
import { host, type NestedHost } from '../support/nested-host.ts';
import { linux, rounds, startVm, TEST_TIMEOUT_MS, timeoutMsWith, type Vm } from '../support/vm.ts';

const HOSTILE = join(import.meta.dirname, '../../out/guests/hostile-back-end');
const NOBODY = '65534';
/** Users of the host need no name. */
const STRANGER = '4711';
const REBINDS = rounds('pool: unbind and bind', 50, 3);
const REBOOTS = rounds('pool: reboots', 5, 1);
const WAYS = ['proc-mem', 'process_vm_readv', 'proc-fd', 'proc-map_files', 'ptrace', 'pidfd'] as const;

let l1: NestedHost;
/** Disks, folders and programs of one test, in memory of the host; any user may go in. */
let folder: string;
let number = 0;

beforeAll(async () => {
  l1 = await host('main');
});
beforeEach(async () => {
  folder = `/tmp/pool-${process.pid}-${number++}`;
  await onHost(`mkdir -m 777 ${folder}`);
});
afterEach(async () => {
  await onHost(`rm -rf ${folder}`);
});

function onHost(command: string): Promise<string> {
  return l1.must(command, { timeoutMs: TEST_TIMEOUT_MS / 2 });
}

async function md5(path: string): Promise<string> {
  return (await onHost(`md5sum <${path}`)).slice(0, 32);
}

/**
 * Room for the data, three times over and more. On a file system that is nearly full Linux 7.3 writes zeros over what it has just written,
 * without a word (docs/vhost-user.md, "When data is wrong"), and a copy that is replaced keeps its blocks for a while.
 */
const DISK_SIZE = '100M';

async function makeDisk(name: string, user: string): Promise<string> {
  const path = join(folder, name);
  await onHost(`head -c 12000000 /dev/urandom >${path}.data && mkdir ${path}.tree && cp ${path}.data ${path}.tree/data &&
    mke2fs -q -t ext4 -d ${path}.tree ${path} ${DISK_SIZE} && chown ${user} ${path}`);
  return path;
}

/** qemu-storage-daemon as a program that we start. */
function serveDisk(path: string, user: string) {
  const command = [
    ...['qemu-storage-daemon', '--blockdev', `driver=file,node-name=disk,filename=${path}`],
    ...['--export', 'type=vhost-user-blk,id=e,node-name=disk,writable=on,addr.type=unix,addr.path={socket}'],
  ];
  return { command, user };
}

async function start(devices: object, more: object = {}): Promise<{ vm: Vm; shell: GuestShell }> {
  const vm = await startVm(l1, { kernel: linux('shell'), devices, ...more });
  return { vm, shell: await GuestShell.open(vm) };
}

/** The disk has what the host put there; what is written to it is there again after it went through the back-end. */
async function useDisk(shell: GuestShell, disk: string, path: string): Promise<void> {
  const expected = await md5(`${path}.data`);
  await shell.run(`mount -t ext4 /dev/${disk} /mnt && cp /mnt/data /mnt/copy && umount /mnt`);
  await shell.run(`echo 3 >/proc/sys/vm/drop_caches; mount -t ext4 /dev/${disk} /mnt`);
  expect((await shell.run('md5sum </mnt/data')).slice(0, 32)).toBe(expected);
  // Which bytes differ, where some do, and what the guest's kernel says.
  const { output } = await shell.try('cmp -l /mnt/copy /mnt/data | head -n 3');
  expect(output && `${output}\n${await shell.run('dmesg | tail')}`).toBe('');
  await shell.run('umount /mnt');
}

describe('pool', { timeout: timeoutMsWith(REBINDS, REBOOTS) }, () => {
  test('disks, direct and strict, that see their pools alone: data, drivers that come and go, a kill, a reboot', async () => {
    const [direct, strict] = [await makeDisk('direct', NOBODY), await makeDisk('strict', STRANGER)];
    const { vm, shell } = await start({
      direct: { type: 'blk', memory: 'pool', backend: serveDisk(direct, NOBODY) },
      strict: { type: 'blk', memory: { size: '16M' }, interrupt: 'strict', backend: serveDisk(strict, STRANGER) },
    });
    await using _ = vm;
    const log = await shell.run('dmesg');
    for (const pool of ['direct@47e00000', 'strict@4be00000']) {
      expect(log).toContain(`assigned reserved memory node pool-${pool}`);
    }
    await useDisk(shell, 'vda', direct);
    await useDisk(shell, 'vdb', strict);
    const driver = '/sys/bus/virtio/drivers/virtio_blk';
    for (let round = 0; round < REBINDS; round++) {
      await shell.run(`cd ${driver} && for d in virtio0 virtio1; do echo $d >unbind; echo $d >bind; done; cd /`);
    }
    await useDisk(shell, 'vda', direct);

    const explained = await vm.ctl('explain-sharing');
    process.stdout.write(`  ${explained.stdout.replaceAll('\n', '\n  ')}\n`);
    expect(explained.stdout).toMatch(
      /^direct \(blk\): qemu-storage-d.*, pid \d+, uid 65534\n {2}sees 0x47e0_0000–0x4bdf_ffff \(64 MiB\): pool direct, by memfd:pool-direct \(file descriptor \d+\)\n {2}isolation: real: /,
    );
    expect(explained.stdout).toMatch(
      /strict \(blk\): .* uid 4711\n {2}sees 0x4be0_0000–0x4cdf_ffff \(16 MiB\): pool strict/,
    );
    // The kernel says the same of the processes: what they have mapped of files of ours.
    for (const { uid, pool } of [
      { uid: NOBODY, pool: 'direct' },
      { uid: STRANGER, pool: 'strict' },
    ]) {
      const maps = await onHost(`cat /proc/$(pgrep -u ${uid} qemu-storage)/maps | grep memfd`);
      expect(maps.split('\n').every((line) => line.includes(`memfd:pool-${pool}`))).toBe(true);
    }

    await onHost(`pkill -KILL -u ${NOBODY} qemu-storage`);
    await vm.said('direct: qemu-storage-daemon is there again');
    await useDisk(shell, 'vda', direct);
    for (let boot = 2; boot <= 1 + REBOOTS; boot++) {
      vm.write('reboot -f\n');
      const again = await GuestShell.open(vm, boot);
      await useDisk(again, 'vda', direct);
      await useDisk(again, 'vdb', strict);
    }
  });

  test('a folder of virtiofsd, and a second device in the same pool', async () => {
    const shared = join(folder, 'shared');
    await onHost(`mkdir ${shared} && head -c 12000000 /dev/urandom >${shared}/data && chown -R ${NOBODY} ${shared}`);
    const disk = await makeDisk('disk', NOBODY);
    const command = [VIRTIOFSD, '--socket-path', '{socket}', '--shared-dir', shared, '--sandbox', 'none'];
    const { vm, shell } = await start({
      share: { type: 'fs', memory: { pool: 'both', size: '32M' }, backend: { command, user: NOBODY } },
      disk: { type: 'blk', memory: { pool: 'both' }, backend: serveDisk(disk, NOBODY) },
    });
    await using _ = vm;
    await shell.run('mount -t virtiofs share /mnt');
    expect((await shell.run('md5sum </mnt/data')).slice(0, 32)).toBe(await md5(`${shared}/data`));
    await shell.run('cp /mnt/data /mnt/copy && sync && umount /mnt');
    await onHost(`cmp ${shared}/data ${shared}/copy`);
    await useDisk(shell, 'vda', disk);
    const { sharing } = JSON.parse((await vm.ctl('explain-sharing --json')).stdout) as {
      sharing: { reason: string }[];
    };
    expect(sharing[0]!.reason).toMatch(/it shares with disk$/);
    expect(vm.messages).not.toContain('keeps nothing');
  });

  test('a guest that puts its rings elsewhere: the queue is refused, with what its kernel lacks', async () => {
    const disk = await makeDisk('disk', NOBODY);
    // As a kernel without CONFIG_DMA_RESTRICTED_POOL sees it: nothing says where the device may go.
    const vm = await startVm(l1, {
      kernel: linux('shell'),
      devices: { disk: { type: 'blk', memory: 'pool', backend: serveDisk(disk, NOBODY) } },
      overlays: [{ disk: { 'memory-region': false } }],
    });
    await using _ = vm;
    await vm.said('CONFIG_DMA_RESTRICTED_POOL');
    expect(vm.messages).toMatch(
      /disk: Queue 0 cannot be used: \d+ bytes at 0x\S+ lie outside of pool disk \(0x47e0_0000–0x4bdf_ffff\)/,
    );
    await onHost(`! grep -q memfd /proc/$(pgrep -u ${NOBODY} qemu-storage)/maps`);
  });

  describe('a back-end that is after a secret in guest RAM', () => {
    /** What it says of each way once it has looked for the secret. */
    async function attack(device: object): Promise<{ outcomes: ReadonlyMap<string, string>; secret: string; vm: Vm }> {
      const program = join(folder, 'hostile');
      await onHost(`install -m 755 ${HOSTILE} ${program}`);
      const backend = { command: [program, '{socket}'], ...('user' in device ? { user: device.user } : {}) };
      const memory = 'memory' in device ? device.memory : 'all';
      const { vm, shell } = await start({ spy: { type: 'rng', memory, backend } });
      const digits = Array.from({ length: 32 }, () => Math.floor(16 * Math.random()).toString(16)).join('');
      // Many pages of it, the marker in two pieces: what we type is not it.
      await shell.run(`for n in $(seq 20000); do echo "ORKO-""SECRET-${digits}"; done >/tmp/secret`);
      const looks = () => Number(/look (\d+) done(?![\s\S]*look \d+ done)/.exec(vm.messages)?.[1] ?? 0);
      const before = looks();
      await expect.poll(looks, { timeout: 120_000, interval: 500 }).toBeGreaterThan(before + 1);
      const lines = [...vm.messages.matchAll(/spy: hostile: ([\w-]+): (.*)/g)];
      return {
        outcomes: new Map(lines.map(([, way, outcome]) => [way!, outcome!])),
        secret: `ORKO-SECRET-${digits}`,
        vm,
      };
    }

    test('with a pool, as a user of its own: nothing is found, by no way', async () => {
      const { outcomes, vm } = await attack({ memory: 'pool', user: STRANGER });
      await using _ = vm;
      expect(vm.messages).not.toContain('FOUND');
      expect(outcomes.get('uid')).toBe('4711, no new privileges: 1');
      expect(outcomes.get('given')).toMatch(/^\d+ descriptors, not found$/);
      expect(outcomes.get('inherited')).toMatch(/^0 descriptors/);
      expect(outcomes.get('region')).toBe('0x47e00000, 67108864 bytes');
      // VIRTIO_F_VERSION_1 and the protocol's own bit; VIRTIO_F_ACCESS_PLATFORM, which it offers, is not for it.
      expect(outcomes.get('features')).toBe('0x140000000');
      for (const way of WAYS) expect([way, outcomes.get(way)]).toEqual([way, expect.stringMatching(/^refused/)]);
      expect(outcomes.has('grow')).toBe(false);
      const { stdout } = await vm.ctl('explain-sharing');
      expect(stdout).toContain('isolation: real: it sees the pool, and as uid 4711 it may not look into orko-vmm');
    });

    test('with all of RAM it finds the secret: the check above can fail', async () => {
      const { outcomes, secret, vm } = await attack({ memory: 'all', user: STRANGER });
      await using _ = vm;
      expect(outcomes.get('given')).toBe(`FOUND ${secret}`);
      expect((await vm.ctl('explain-sharing')).stdout).toContain(
        'isolation: none: it was given all of RAM (memory: all)',
      );
    });

    test('with a pool, but as our own user, it finds the secret in us: a pool is nothing then, and that is said', async () => {
      const { outcomes, secret, vm } = await attack({ memory: 'pool' });
      await using _ = vm;
      expect(outcomes.get('given')).toMatch(/not found$/);
      expect(outcomes.get('proc-mem')).toBe(`FOUND ${secret}`);
      expect(vm.messages).toContain('spy: its back-end runs as root, from whom memory: pool keeps nothing');
      expect((await vm.ctl('explain-sharing')).stdout).toContain(
        "isolation: none: it runs as orko-vmm's own user (uid 0)",
      );
    });
  });
});
