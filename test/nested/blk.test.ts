/** virtio-blk as Linux uses it: file systems, several disks, read-only, holes, growing, drivers that come and go, crashes. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { lastSafeRecord, missingRecords, RECORD_BYTES } from '../support/disk-records.ts';
import { makeFileSystem } from '../support/file-system-image.ts';
import { GuestShell } from '../support/guest-shell.ts';
import { hasHost, host, type NestedHost } from '../support/nested-host.ts';
import { linux, NODE_MAPPINGS, rounds, startVm, TEST_TIMEOUT_MS, type Vm } from '../support/vm.ts';
import type { Usage } from '../support/vm-probe.ts';

const CONFIG = 65;
const MIB = 2 ** 20;
const DRIVER = '/sys/bus/virtio/drivers/virtio_blk';
const REBINDS = rounds('blk: unbind and bind', 100, 8);
const RESETS = rounds('blk: unbind during I/O', 100, 8);
/** MiB that each of four writes at the same time. */
const PART_MIB = rounds('blk: MiB of each of four writers', 8, 2);
/** Records that are written before a VM is killed. */
const RECORDS = 40;

let l1: NestedHost;
/** Disks of one test, in memory of the host. */
let folder: string;
let number = 0;

beforeAll(async () => {
  l1 = await host('main');
});
beforeEach(async () => {
  folder = `/tmp/blk-${process.pid}-${number++}`;
  await onHost(`mkdir ${folder}`);
});
afterEach(async () => {
  await onHost(`rm -rf ${folder}`);
});

function onHost(command: string, on = l1): Promise<string> {
  return on.must(command, { timeoutMs: TEST_TIMEOUT_MS / 2 });
}

/** A disk of random bytes, or of nothing. */
async function makeDisk(name: string, mebibytes: number, source: 'random' | 'hole' = 'hole', on = l1): Promise<string> {
  const path = join(folder, name);
  const make =
    source === 'random' ? `head -c ${mebibytes * MIB} /dev/urandom >${path}` : `truncate -s ${mebibytes}M ${path}`;
  await onHost(`mkdir -p ${folder} && ${make}`, on);
  return path;
}

/** Files of all sizes, the largest of which takes several requests. */
const FILES = { sizes: [0, 1, 511, 4096, 65_537, 1_000_000, 5_000_000], mebibytes: 64 };

async function start(devices: object, more: object = {}, on = l1): Promise<{ vm: Vm; shell: GuestShell }> {
  const vm = await startVm(on, { kernel: linux('shell'), devices, ...more });
  return { vm, shell: await GuestShell.open(vm) };
}

function md5(path: string, on = l1): Promise<string> {
  return onHost(`md5sum <${path}`, on);
}

describe('virtio-blk', { timeout: TEST_TIMEOUT_MS }, () => {
  test('two disks and a read-only one: a file system is used, nothing gets mixed up, nobody else may write them', async () => {
    const [files, raw, readonly] = [
      await makeFileSystem(l1, join(folder, 'files.ext4'), FILES),
      await makeDisk('raw', 8),
      await makeDisk('readonly', 4, 'random'),
    ];
    const [rawSum, readonlySum] = [await md5(raw), await md5(readonly)];
    const { vm, shell } = await start({
      root: { type: 'blk', path: files },
      second: { type: 'blk', path: raw, serial: 'A serial number', 'block-size': 4096 },
      third: { type: 'blk', path: readonly, readonly: true },
    });
    await using _ = vm;
    const facts = await shell.run(
      'cd /sys/block; for d in vda vdb vdc; do echo $d $(cat $d/size $d/ro $d/queue/logical_block_size $d/queue/physical_block_size) $(cat $d/serial); done; cd /',
    );
    expect(facts.split('\n')).toEqual([
      'vda 131072 0 512 4096 root',
      'vdb 16384 0 4096 4096 A serial number',
      'vdc 8192 1 512 4096 third',
    ]);

    await shell.run('mount -t ext4 /dev/vda /mnt && cd /mnt && md5sum -c SUMS');
    await shell.run('mkdir copy && cp file-* SUMS copy && cd / && umount /mnt && echo 3 >/proc/sys/vm/drop_caches');
    await shell.run('mount -t ext4 /dev/vda /mnt && cd /mnt/copy && md5sum -c SUMS && cd / && umount /mnt');
    expect((await shell.run('md5sum </dev/vdc')).slice(0, 32)).toBe(readonlySum.slice(0, 32));
    expect((await shell.try('dd if=/dev/zero of=/dev/vdc bs=4k count=1 conv=fsync')).exitCode).not.toBe(0);

    const second = await l1.run(`orko-vmm run ${await l1File('second.yaml', { root: { type: 'blk', path: files } })}`);
    expect(second).toMatchObject({ exitCode: CONFIG, stdout: '' });
    expect(second.stderr).toContain(`Cannot use ${files} as a disk: another program uses it`);

    vm.write('poweroff -f\n');
    expect(await vm.exited()).toBe(0);
    expect([await md5(raw), await md5(readonly)]).toEqual([rawSum, readonlySum]);
    await onHost(`e2fsck -fn ${files}`);
    await onHost(
      `cd ${folder} && debugfs -R 'dump /copy/file-5000000 out' ${files} && cmp out ${files}.tree/file-5000000`,
    );
  });

  test('holes, zeroes, growing, the cache mode, a rate limit', async () => {
    const [disk, slow] = [await makeDisk('disk', 64, 'random'), await makeDisk('slow', 4)];
    const { vm, shell } = await start({
      disk: { type: 'blk', path: disk },
      slow: { type: 'blk', path: slow, 'rate-limit': { 'requests-per-second': 40, 'burst-requests': 1 } },
    });
    await using _ = vm;
    const blocks = async () => Number(await onHost(`stat -c %b ${disk}`));
    const before = await blocks();
    await shell.run(`blkdiscard -o ${8 * MIB} -l ${32 * MIB} /dev/vda`);
    expect(before - (await blocks())).toBe((32 * MIB) / 512);
    await shell.run(`dd if=/dev/vda bs=1M skip=8 count=32 iflag=direct | tr -d '\\0' | wc -c | grep -qx 0`);
    expect(await shell.run('/init diskzero')).toContain('diskzero PASS');
    await shell.run(`dd if=/dev/vda bs=1M skip=4 count=2 iflag=direct | tr -d '\\0' | wc -c | grep -qx 0`);
    expect(await onHost(`cmp -n ${2 * MIB} -i ${4 * MIB}:0 ${disk} /dev/zero && echo same`)).toBe('same');

    expect(await vm.ctl('device disk resize 96M')).toMatchObject({ exitCode: 0, stdout: 'The disk has 96 MiB now\n' });
    await shell.run('until [ $(cat /sys/block/vda/size) = 196608 ]; do sleep 0.1; done');
    await shell.run('echo end | dd of=/dev/vda bs=512 seek=196607 conv=sync,fsync');
    expect(await onHost(`stat -c %s ${disk}`)).toBe(String(96 * MIB));
    expect(await onHost(`tail -c 512 ${disk} | head -c 3`)).toBe('end');
    await onHost(`truncate -s 100M ${disk}`);
    expect((await vm.ctl('device disk resize')).stdout).toBe('The disk has 100 MiB now\n');
    await shell.run('until [ $(cat /sys/block/vda/size) = 204800 ]; do sleep 0.1; done');
    const smaller = await vm.ctl('device disk resize 1M');
    expect(smaller.exitCode).not.toBe(0);
    expect(smaller.stderr).toContain('a disk only grows');

    expect(await shell.run('cat /sys/block/vda/cache_type')).toBe('write back');
    await shell.run('echo "write through" >/sys/block/vda/cache_type');
    expect(await shell.run('cat /sys/block/vda/cache_type')).toBe('write through');
    await shell.run('dd if=/dev/urandom of=/dev/vda bs=64k count=16 conv=fsync');

    // 120 requests at 40 a second.
    const took = await shell.run(
      'a=$(date +%s); dd if=/dev/vdb of=/dev/null bs=4k count=120 iflag=direct; b=$(date +%s); echo; echo $((b - a))',
    );
    expect(Number(took.split('\n').at(-1))).toBeGreaterThanOrEqual(2);
  });

  test('a driver that comes and goes: nothing is left behind, and what it wrote is there', async () => {
    const disk = await makeDisk('disk', 16);
    const { vm, shell } = await start({ disk: { type: 'blk', path: disk } });
    await using _ = vm;
    await using probe = await vm.probe();
    const device = await shell.run(`cd ${DRIVER} && echo virtio*`);
    expect(device).toMatch(/^virtio\d+$/);
    const rebind = `echo ${device} >${DRIVER}/unbind; echo ${device} >${DRIVER}/bind; until [ -b /dev/vda ]; do :; done`;
    await shell.run(rebind);
    const before = await probe.usage();
    for (let round = 1; round <= REBINDS; round++) {
      await shell.run(`${rebind}; echo round-${round} | dd of=/dev/vda bs=512 conv=sync,fsync`);
    }
    expect(await probe.usage()).toMatchObject(kept(before));
    expect(await onHost(`head -c 20 ${disk} | tr -d '\\0'`)).toBe(`round-${REBINDS}`);

    for (let round = 1; round <= RESETS; round++) {
      const load = 'while :; do dd if=/dev/vda of=/dev/null bs=64k iflag=direct || break; done';
      await shell.run(
        `(${load}) 2>/dev/null & (${load}) 2>/dev/null & usleep ${50_000 + 1000 * round}; ${rebind}; wait`,
      );
    }
    await shell.run('dd if=/dev/vda of=/dev/null bs=1M');
    const after = await probe.usage();
    expect(after).toMatchObject(kept(before));
    expect(after.mappings).toBeLessThan(before.mappings + NODE_MAPPINGS);
    expect(vm.messages).toBe('');
  });

  test.each([
    ['packed rings', { packed: 'on' }, {}],
    ['exact interrupts', { interrupt: 'strict' }, {}],
    ['no register pages', {}, { 'register-pages': 'off' }],
    ['four queues, four vCPUs', { queues: 4 }, { cpus: 4 }],
    ['the smallest queue', { 'queue-size': 4 }, {}],
    ['an I/O thread of its own, writethrough', { iothread: 'disks', cache: 'writethrough' }, { cpus: 2 }],
  ])('%s: what is written at once from many sides is read again', async (_name, keys, more) => {
    // Threads that really run at the same time, where there are several.
    const on = 'cpus' in more ? await host('smp') : l1;
    const disk = await makeDisk('disk', 4 * PART_MIB, 'hole', on);
    const { vm, shell } = await start({ disk: { type: 'blk', path: disk, ...keys } }, more, on);
    await using _ = vm;
    await shell.run(`dd if=/dev/urandom of=/tmp/data bs=1M count=${PART_MIB} && md5sum </tmp/data >/tmp/sum`);
    const write = (part: number) => `dd if=/tmp/data of=/dev/vda bs=64k seek=${16 * PART_MIB * part} oflag=direct &`;
    await shell.run(`${[0, 1, 2, 3].map(write).join(' ')} wait`);
    const read = (part: number) =>
      `dd if=/dev/vda bs=32k skip=${32 * PART_MIB * part} count=${32 * PART_MIB} iflag=direct | md5sum | cmp - /tmp/sum`;
    for (const part of [0, 1, 2, 3]) await shell.run(read(part));
    const sum = (await shell.run('cat /tmp/sum')).slice(0, 32);
    for (const part of [0, 1, 2, 3]) {
      expect(
        (await onHost(`dd if=${disk} bs=${PART_MIB}M skip=${part} count=1 status=none | md5sum`, on)).slice(0, 32),
      ).toBe(sum);
    }
  });

  test.skipIf(!hasHost('pi4'))('a host without write-back of device memory', async () => {
    const pi4 = await host('pi4');
    const disk = await makeDisk('disk', 8, 'random', pi4);
    const { vm, shell } = await start({ disk: { type: 'blk', path: disk } }, {}, pi4);
    await using _ = vm;
    expect((await shell.run('md5sum </dev/vda')).slice(0, 32)).toBe((await md5(disk, pi4)).slice(0, 32));
  });

  test.each(['writeback', 'writethrough'])(
    'kill -9, %s: what the guest was told is safe is in the file',
    async (cache) => {
      const disk = await makeDisk('disk', 16);
      await using vm = await startVm(l1, {
        kernel: linux('diskrecords'),
        devices: { disk: { type: 'blk', path: disk, cache } },
      });
      await vm.printed(new RegExp(`ORKO-SAFE ${RECORDS}\\b`), TEST_TIMEOUT_MS / 2);
      await vm.kill('KILL');
      await vm.exited();
      const safe = lastSafeRecord(vm.output);
      expect(safe).toBeGreaterThanOrEqual(RECORDS);
      const copy = join(l1.directory, 'records');
      await onHost(`head -c ${(safe + 1) * RECORD_BYTES} ${disk} >${copy}`);
      expect(await missingRecords(copy, safe)).toEqual([]);
    },
  );

  test('other formats are refused with the line that serves them', async () => {
    const image = join(folder, 'image.qcow2');
    await onHost(`qemu-img create -q -f qcow2 ${image} 10M`);
    const { exitCode, stderr } = await l1.run(
      `orko-vmm run ${await l1File('qcow2.yaml', { root: { type: 'blk', path: image } })}`,
    );
    expect(exitCode).toBe(CONFIG);
    expect(stderr).toMatch(
      /qcow2.yaml:\d+: devices\.root\.path: Cannot use .*image\.qcow2 as a disk: it is a qcow2 image/,
    );
    expect(stderr).toContain(`backend: { command: [qemu-storage-daemon, --blockdev, "driver=qcow2,`);
  });
});

/** What has to be as it was: mappings come and go with Node's own memory. */
function kept({ mappings: _, ...usage }: Usage): Partial<Usage> {
  return usage;
}

/** A config of its own, which nobody runs for long. */
async function l1File(name: string, devices: object): Promise<string> {
  const path = join(l1.directory, name);
  const config = {
    name: name.replace('.yaml', ''),
    memory: '64M',
    console: 'none',
    kernel: linux('poweroff'),
    devices,
  };
  await writeFile(path, JSON.stringify(config));
  return path;
}
