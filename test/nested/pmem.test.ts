/** virtio-pmem: files of the host as memory of the guest, also as its root. */
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { GuestShell } from '../support/guest-shell.ts';
import { onHost, openFiles } from '../support/host-memory.ts';
import { host, type NestedHost } from '../support/nested-host.ts';
import { makeRootImage } from '../support/root-image.ts';
import { linux, rounds, startVm, TEST_TIMEOUT_MS, type Vm } from '../support/vm.ts';

const CONFIG = 65;
const ROOT_MIB = 64;
const DRIVER = '/sys/bus/virtio/drivers/virtio_pmem';
const REBINDS = rounds('pmem: unbind and bind', 100, 6);

let l1: NestedHost;
let rootImage: string;
/** Files of one test, in memory of the host. */
let folder: string;
let number = 0;

beforeAll(async () => {
  l1 = await host('main');
  rootImage = join(l1.directory, 'pmem-root.ext4');
  await makeRootImage(rootImage, ROOT_MIB);
}, TEST_TIMEOUT_MS);
beforeEach(async () => {
  folder = `/tmp/pmem-${process.pid}-${number++}`;
  await onHost(l1, `mkdir ${folder}`);
});
afterEach(async () => {
  await onHost(l1, `rm -rf ${folder}`);
});

/** Without an initramfs: the root is what a device has. */
function rootOn(device: string, how: 'ro' | 'rw') {
  const { image, cmdline } = linux('shell', `root=${device} ${how} rootfstype=ext4 rootwait init=/init`);
  return { image, cmdline: cmdline! };
}

async function rootDisk(): Promise<string> {
  const path = join(folder, 'root.ext4');
  await onHost(l1, `cp ${rootImage} ${path} && fallocate -l ${ROOT_MIB}M ${path}`);
  return path;
}

async function randomFile(name: string, mebibytes: number): Promise<{ path: string; sum: string }> {
  const path = join(folder, name);
  await onHost(l1, `head -c ${mebibytes}M /dev/urandom >${path}`);
  return { path, sum: await md5(path) };
}

async function md5(path: string): Promise<string> {
  return (await onHost(l1, `md5sum <${path}`)).slice(0, 32);
}

async function start(devices: object, kernel = linux('shell')): Promise<{ vm: Vm; shell: GuestShell }> {
  const vm = await startVm(l1, { kernel, devices });
  return { vm, shell: await GuestShell.open(vm) };
}

describe('virtio-pmem', { timeout: TEST_TIMEOUT_MS }, () => {
  test('as root file system: what was flushed is in the file, also after kill -9; a reboot and another VM find it', async () => {
    const path = await rootDisk();
    const { vm, shell } = await start({ root: { type: 'pmem', path } }, rootOn('/dev/pmem0', 'rw'));
    await using _ = vm;
    expect(await shell.run('grep " / " /proc/mounts | tail -1')).toContain('/dev/root / ext4 rw');
    await shell.run('echo first >/root/file && sync');
    await vm.ctl('reboot');
    const again = await GuestShell.open(vm, 2);
    expect(await again.run('cat /root/file')).toBe('first');
    await again.run('echo second >/root/file && sync');
    await vm.kill('KILL');
    await vm.exited();
    await onHost(l1, `debugfs -R 'cat /root/file' ${path} 2>/dev/null | grep -qx second`);

    const next = await start({ root: { type: 'pmem', path } }, rootOn('/dev/pmem0', 'rw'));
    await using __ = next.vm;
    expect(await next.shell.run('cat /root/file')).toBe('second');
    next.vm.write('poweroff -f\n');
    expect(await next.vm.exited()).toBe(0);
    await onHost(l1, `e2fsck -fp ${path}`);
  });

  test('two of them, one read-only: both are what their files are, and only the other can be written', async () => {
    const data = await randomFile('data.img', 4);
    const fixed = await randomFile('fixed.img', 6);
    await onHost(l1, `chmod 444 ${fixed.path}`);
    const { vm, shell } = await start({
      data: { type: 'pmem', path: data.path },
      fixed: { type: 'pmem', path: fixed.path, readonly: true, interrupt: 'strict', iothread: 'other' },
    });
    await using _ = vm;
    const sums = await shell.run('for d in 0 1; do cat /sys/block/pmem$d/size; md5sum </dev/pmem$d; done');
    expect(sums.split('\n')).toEqual(['8192', `${data.sum}  -`, '12288', `${fixed.sum}  -`]);

    await shell.run('echo changed | dd of=/dev/pmem0 bs=512 seek=9 conv=notrunc,fsync');
    expect(await onHost(l1, `dd if=${data.path} bs=512 skip=9 count=1 2>/dev/null | head -1`)).toBe('changed');

    // Linux is never told that it is read-only: a store there is an abort, in whoever does it.
    vm.write('dd if=/dev/zero of=/dev/pmem1 bs=4096 count=1 conv=fsync\n');
    await vm.printed(/Internal error: synchronous external abort|Kernel panic/);
    expect(await md5(fixed.path)).toBe(fixed.sum);
  });

  test('a read-only root boots, also for two VMs at once', async () => {
    const path = await rootDisk();
    const sum = await md5(path);
    const devices = { root: { type: 'pmem', path, readonly: true } };
    const kernel = rootOn('/dev/pmem0', 'ro');
    const [one, two] = await Promise.all([startVm(l1, { kernel, devices }), startVm(l1, { kernel, devices })]);
    await using _ = one;
    await using __ = two;
    for (const vm of [one, two]) {
      const shell = await GuestShell.open(vm);
      expect(await shell.run('grep -c /dev/root /proc/mounts')).toBe('1');
    }
    expect(await md5(path)).toBe(sum);
  });

  test('drivers come and go with as many files open', async () => {
    const data = await randomFile('data.img', 2);
    const { vm, shell } = await start({ data: { type: 'pmem', path: data.path } });
    await using _ = vm;
    const rebind = `echo virtio0 >${DRIVER}/unbind && echo virtio0 >${DRIVER}/bind`;
    const wait = 'for t in $(seq 50); do [ -b /dev/pmem0 ] && break; sleep 0.1; done';
    await shell.run(`${rebind} && ${wait} && md5sum </dev/pmem0`);
    const files = await openFiles(l1, vm);
    await shell.run(`for i in $(seq ${REBINDS}); do ${rebind} || exit 1; done; ${wait}`, TEST_TIMEOUT_MS / 2);
    expect(await shell.run('md5sum </dev/pmem0')).toBe(`${data.sum}  -`);
    expect(await openFiles(l1, vm)).toBe(files);
  });

  test.each([
    ['of a size that does not fit', 'truncate -s 3M disk.img', 'it has 3 MiB, which is no multiple of 2 MiB'],
    ['that is empty', ': >disk.img', 'it has 0 bytes, which is no multiple of 2 MiB'],
  ])('a file %s is refused before the guest runs', async (_, make, message) => {
    await onHost(l1, `cd ${folder} && ${make}`);
    const path = join(folder, 'disk.img');
    await using vm = await startVm(l1, { kernel: linux('shell'), devices: { disk: { type: 'pmem', path } } });
    expect(await vm.exited()).toBe(CONFIG);
    expect(vm.messages).toContain(`Cannot use ${path} as memory of disk: ${message}`);
    expect(vm.output).toBe('');
  });

  test('a file that another VM writes is refused', async () => {
    const { path } = await randomFile('data.img', 2);
    const devices = { disk: { type: 'pmem', path } };
    const { vm } = await start(devices);
    await using _ = vm;
    await using second = await startVm(l1, { kernel: linux('shell'), devices });
    expect(await second.exited()).toBe(CONFIG);
    expect(second.messages).toContain(`Cannot use ${path} as memory of disk: another device or program uses it`);
  });
});
