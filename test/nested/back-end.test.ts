/**
 * Our devices in processes of their own (`orko-vmm backend`): in VMs of ours, where they do the same as in process, and in QEMU's.
 * A disk whose process is killed again and again loses nothing, and does nothing twice.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { VIRTIO_ID_CLOCK, VIRTIO_ID_CONSOLE } from '../../src/abi/virtio.ts';
import { virtio_console_config } from '../../src/abi/virtio-console.ts';
import { quote } from '../../src/nested/l1.ts';
import { makeFileSystem } from '../support/file-system-image.ts';
import { GuestShell, REBIND_ALL } from '../support/guest-shell.ts';
import { eventually } from '../support/host-memory.ts';
import { type HostProcess, host, type NestedHost } from '../support/nested-host.ts';
import { linesOf, linux, rounds, startVm, TEST_TIMEOUT_MS, timeoutMsWith, Vm } from '../support/vm.ts';
import { expectWhole, startPeer } from '../support/vsock-load.ts';

const HOST_ADDRESS = '10.98.0.1';
const GUEST_ADDRESS = '10.98.0.2';
const MIB = 2 ** 20;
const KILLS = rounds('back-end: kills of a disk with 32 writers', 20, 3);
const REBINDS = rounds('back-end: unbind and bind of all drivers', 50, 3);
const REBOOTS = rounds('back-end: reboots', 5, 1);
const WRITERS = 32;
/** A back-end that is killed is there again in some seconds, under emulation; five more when that happens over and over. */
const SECONDS_PER_KILL = 18;
const QEMU_11 = '/opt/qemu-11/usr/bin/qemu-system-aarch64';
/** How far the guest may be behind when it is asked. */
const CLOCK_SLACK_S = 90;
const STREAMS = 5;
const STREAM_BYTES = 64 * 1024;

let l1: NestedHost;
/** Disks and sockets of one test, in memory of the host. */
let folder: string;
let number = 0;
let daemons: HostProcess[];

beforeAll(async () => {
  l1 = await host('main');
  await onHost('modprobe tun');
});
beforeEach(async ({ onTestFailed }) => {
  onTestFailed(() => void process.stdout.write(daemons.map(({ stderr }) => stderr).join('')));
  folder = `/tmp/back-end-${process.pid}-${number++}`;
  daemons = [];
  await onHost(`mkdir ${folder}`);
});
afterEach(async () => {
  for (const daemon of daemons) await daemon.kill('KILL').catch(() => {});
  await l1.run(`ip link del otap${number}; rm -rf ${folder}; true`);
});

function onHost(command: string): Promise<string> {
  return l1.must(command, { timeoutMs: TEST_TIMEOUT_MS / 2 });
}

/** A tap of this test, and a web server behind it with `data`. */
async function makeNetwork(options = ''): Promise<string> {
  const tap = `otap${number}`;
  await onHost(`ip tuntap add mode tap ${options} name ${tap} && ip addr add ${HOST_ADDRESS}/24 dev ${tap} && ip link set ${tap} up
    head -c 1000000 /dev/urandom >${folder}/data`);
  daemons.push(l1.spawn(`exec busybox httpd -f -p ${HOST_ADDRESS}:8123 -h ${folder}`));
  return tap;
}

type Keys = Readonly<Record<string, string | number>>;

/** `orko-vmm backend` with the keys of a config as its options. */
function words(type: string, keys: Keys, socket: string): string[] {
  const options = Object.entries(keys).flatMap(([key, value]) => [`--${key}`, String(value)]);
  return ['orko-vmm', 'backend', type, '--socket-path', socket, ...options];
}

/** Serves a device at a socket, which is returned once it is there. */
async function serve(type: string, keys: Keys = {}): Promise<string> {
  const socket = join(folder, `${type}.sock`);
  daemons.push(l1.spawn(`exec ${words(type, keys, socket).map(quote).join(' ')}`));
  await onHost(`for n in $(seq 200); do [ -S ${socket} ] && exit; sleep 0.1; done; exit 1`);
  return socket;
}

/** A device in process, and the same one moved out by one key. */
function inProcess(type: string, keys: Keys): object {
  return { type, ...keys };
}
function inItsOwn(type: string, keys: Keys): object {
  // Many start at the same time, on one emulated CPU.
  return { type, backend: { command: words(type, keys, '{socket}'), 'start-timeout-s': 120 } };
}

const CONFIGURE = `ip link set lo up; ip link set eth0 up; ip addr add ${GUEST_ADDRESS}/24 dev eth0`;

/** What the guest does with a disk; the last word of it is the checksum of what it read. */
async function useDisk(shell: GuestShell, disk: string): Promise<string> {
  await shell.run(`mount -t ext4 ${disk} /mnt && cd /mnt && md5sum -c SUMS && cp file-3000000 copy && cd /`);
  await shell.run('umount /mnt; echo 3 >/proc/sys/vm/drop_caches');
  await shell.run(`mount -t ext4 ${disk} /mnt && cmp /mnt/copy /mnt/file-3000000`);
  return shell.run('md5sum </mnt/copy; rm /mnt/copy; umount /mnt');
}

async function useEntropy(shell: GuestShell): Promise<string> {
  expect(await shell.run('cat /sys/class/misc/hw_random/rng_current')).toMatch(/virtio/);
  return shell.run('head -c 4096 /dev/hwrng | wc -c');
}

async function useNetwork(shell: GuestShell): Promise<string> {
  await shell.run(CONFIGURE);
  await shell.run(`ping -c 2 -s 1400 ${HOST_ADDRESS}`);
  return shell.run(`wget -q -O - http://${HOST_ADDRESS}:8123/data | md5sum`);
}

/** On a card with two pairs of queues: two senders, each on a vCPU of its own, with what each pair has sent to tell of it. */
async function useBothPairs(shell: GuestShell): Promise<void> {
  expect(await shell.run('ls /sys/class/net/eth0/queues')).toMatch(/rx-0\s+rx-1\s+tx-0\s+tx-1/);
  const fetch = `wget -q -O - http://${HOST_ADDRESS}:8123/data | md5sum`;
  const sums = await shell.run(`(taskset 1 ${fetch} & taskset 2 ${fetch} & wait)`);
  const expected = (await onHost(`md5sum <${folder}/data`)).slice(0, 32);
  expect(sums.split('\n').map((line) => line.slice(0, 32))).toEqual([expected, expected]);
  // What a pair has not done, its interrupts would not have woken.
  await shell.run(`(taskset 2 ping -c 3 -W 10 ${HOST_ADDRESS})`);
}

/** Bytes both ways between hvc0 and a socket of the host, which shows whoever connects what was printed before. */
async function useConsole(shell: GuestShell, socket: string, round = 0): Promise<string> {
  const client = l1.spawn(`exec socat - UNIX-CONNECT:${socket}`);
  daemons.push(client);
  // Held open: the modes of a terminal that nobody has open are those of a new one.
  await shell.run('exec 7<>/dev/hvc0; stty raw -echo <&7; { head -n 1 <&7 >/tmp/line & } ; sleep 1');
  client.write('from the host\n');
  await shell.run(`wait; for n in $(seq 200); do echo "line $n of round ${round}"; done >&7; exec 7>&-`);
  await client.printed(`line 200 of round ${round}\n`);
  const lines = client.stdout.match(new RegExp(`line \\d+ of round ${round}\n`, 'g'))!.length;
  await client.kill('KILL');
  return `${await shell.run('cat /tmp/line')} ${lines}`;
}

describe('in a VM of ours', { timeout: timeoutMsWith(2 * REBINDS, 2 * REBOOTS) }, () => {
  test('each device does the same in process and in a process of its own', async () => {
    const tap = await makeNetwork();
    const disk = await makeFileSystem(l1, join(folder, 'disk'));
    const results: object[] = [];
    for (const place of [inProcess, inItsOwn]) {
      const console = join(folder, `${place.name}.hvc0`);
      const vm = await startVm(l1, {
        kernel: linux('shell'),
        devices: {
          disk: place('blk', { path: disk, serial: 'A-DISK', queues: 1 }),
          entropy: place('rng', {}),
          net0: place('net', { network: `tap:${tap}`, mac: '52:54:00:12:34:56' }),
          con0: place('console', { console: `unix:${console}` }),
          clock: place('rtc', {}),
        },
      });
      await using _ = vm;
      const shell = await GuestShell.open(vm);
      results.push({
        blk: await useDisk(shell, '/dev/vda'),
        serial: await shell.run('cat /sys/block/vda/serial /sys/block/vda/size /sys/block/vda/queue/write_cache'),
        rng: await useEntropy(shell),
        net: await useNetwork(shell),
        console: await useConsole(shell, console),
        drivers: await shell.run(
          'cd /sys/bus/virtio/devices; for d in *; do [ -e $d/driver ] && basename $(readlink $d/driver); done; cd /',
        ),
      });
      // A driver that goes and comes, and a boot.
      for (let round = 0; round < REBINDS; round++) await shell.run(`(${REBIND_ALL})`);
      results.push({ again: await useDisk(shell, '/dev/vda'), net: await useNetwork(shell) });
      for (let boot = 2; boot <= 1 + REBOOTS; boot++) {
        vm.write('reboot -f\n');
        const next = await GuestShell.open(vm, boot);
        results.push({ rebooted: await useDisk(next, '/dev/vda'), rng: await useEntropy(next) });
      }
      vm.write('poweroff -f\n');
      expect(await vm.exited()).toBe(0);
      expect(vm.messages).toBe('');
    }
    const half = results.length / 2;
    expect(results.slice(half)).toEqual(results.slice(0, half));
    expect((results[0] as { net: string }).net.slice(0, 32)).toBe(
      (await onHost(`md5sum <${folder}/data`)).slice(0, 32),
    );
    expect(results[0]).toMatchObject({ console: 'from the host 200' });
    await onHost(`e2fsck -fn ${disk}`);
    // Nobody is left who served.
    await onHost(
      "for n in $(seq 50); do pgrep -f '[o]rko-vmm.* backend' >/dev/null || exit 0; sleep 0.1; done; exit 1",
    );
  });

  test('a card with two pairs of queues in a process of its own: both carry data, also after the driver has come again', async () => {
    const tap = await makeNetwork('multi_queue');
    const devices = { net0: { ...inItsOwn('net', { network: `tap:${tap}`, queues: 2 }), queues: 2 } };
    const vm = await startVm(l1, { kernel: linux('shell'), cpus: 2, devices });
    await using _ = vm;
    const shell = await GuestShell.open(vm);
    for (let round = 0; round < 2; round++) {
      await shell.run(CONFIGURE);
      await useBothPairs(shell);
      await shell.run('cd /sys/bus/virtio/drivers/virtio_net && echo virtio0 >unbind && echo virtio0 >bind; cd /');
    }
    expect(vm.messages).toBe('');
  });

  test('streams of a vsock in a process of its own, from both sides', async () => {
    const path = join(folder, 'vsock');
    const peer = await startPeer(l1, path, STREAMS, STREAM_BYTES);
    const kernel = linux('vsock,idle', `orko.streams=${STREAMS} orko.bytes=${STREAM_BYTES}`);
    await using vm = await startVm(l1, { kernel, devices: { vsock: inItsOwn('vsock', { path, cid: 42 }) } });
    await expectWhole(vm, peer, STREAMS);
  });

  test(`kill -9 of a disk's process ${KILLS} times with ${WRITERS} requests in flight: every block holds what was written last`, async () => {
    const disk = join(folder, 'disk');
    await onHost(`truncate -s 64M ${disk}`);
    const seconds = KILLS * SECONDS_PER_KILL;
    const kernel = linux('diskwriters', `orko.writers=${WRITERS} orko.seconds=${seconds}`);
    const devices = { disk: inItsOwn('blk', { path: disk }) };
    await using vm = await startVm(l1, { kernel, devices });
    const written = () => Number(/.*ORKO-WROTE (\d+)/s.exec(vm.output)?.[1] ?? 0);
    for (let kill = 1; kill <= KILLS; kill++) {
      // It has done something since it is there.
      const before = written();
      await eventually(
        async () => `${written()}${vm.messages}`,
        () => written() > before + WRITERS,
      );
      await onHost("kill -KILL $(pgrep -f '[b]ackend blk --socket-path')");
      await eventually(
        async () => vm.messages,
        (messages) => messages.split('is there again').length > kill,
      );
    }
    await vm.printed(/ORKO-CHECK diskwriters[^\n]*\n/, TEST_TIMEOUT_MS / 2);
    expect(linesOf(vm.output, 'ORKO-CHECK')).toEqual([expect.stringMatching(/diskwriters PASS \d+ blocks/)]);
    expect(vm.messages).not.toContain('what it had in hand');
    process.stdout.write(`  back-end: ${written()} blocks were written meanwhile\n`);
  });

  test('a disk that grows while the guest uses it', async () => {
    const disk = join(folder, 'disk');
    await onHost(`truncate -s 32M ${disk}`);
    const socket = await serve('blk', { path: disk });
    const vm = await startVm(l1, { kernel: linux('shell'), devices: { disk: { type: 'blk', backend: socket } } });
    await using _ = vm;
    const shell = await GuestShell.open(vm);
    await onHost(`truncate -s 64M ${disk}`);
    await daemons.at(-1)!.kill('HUP');
    await shell.run(`until [ $(cat /sys/block/vda/size) = ${(64 * MIB) / 512} ]; do sleep 0.1; done`);
    await shell.run('dd if=/dev/vda of=/dev/null bs=1M skip=60 count=4 iflag=direct');
  });
});

/** A guest in QEMU, its console as a Vm's. */
async function startQemu(
  kernel: { image: string; initrd?: string; cmdline?: string },
  devices: readonly string[],
  qemu = 'qemu-system-aarch64',
): Promise<Vm> {
  const memory = [
    '-m',
    '256',
    '-object',
    'memory-backend-memfd,id=m,size=256M,share=on',
    '-machine',
    'memory-backend=m',
  ];
  const command = [
    ...[qemu, '-M', 'virt,gic-version=3', '-cpu', 'host', '-accel', 'kvm', '-smp', '1', ...memory],
    ...['-nodefaults', '-display', 'none', '-serial', 'stdio', '-no-reboot'],
    ...['-kernel', kernel.image, '-initrd', kernel.initrd!, '-append', kernel.cmdline!, ...devices],
  ];
  const script = join(l1.directory, `qemu-${process.pid}-${number}.sh`);
  await writeFile(script, `exec ${command.map(quote).join(' ')}\n`);
  return new Vm(l1, 'qemu', l1.spawn(`exec bash ${script}`));
}

/** QEMU's front-end for a device that it has none for; /opt/qemu-11 has one (src/nested/l1-image.ts). */
const anyDevice = (id: string, virtioId: number, queues: number, configSize: number) =>
  `vhost-user-test-device-pci,chardev=${id},virtio-id=${virtioId},num_vqs=${queues},vq_size=64,config_size=${configSize}`;

const chardev = (id: string, socket: string) => ['-chardev', `socket,id=${id},path=${socket}`];

describe("QEMU's front-end", { timeout: TEST_TIMEOUT_MS }, () => {
  test('blk, rng and net: files, entropy, data; twice over', async () => {
    const tap = await makeNetwork();
    const disk = await makeFileSystem(l1, join(folder, 'disk'));
    const [blk, rng, net] = [
      await serve('blk', { path: disk }),
      await serve('rng'),
      await serve('net', { network: `tap:${tap}` }),
    ];
    const devices = [
      ...[...chardev('blk', blk), '-device', 'vhost-user-blk-pci,chardev=blk'],
      ...[...chardev('rng', rng), '-device', 'vhost-user-rng-pci,chardev=rng'],
      ...[...chardev('net', net), '-netdev', 'vhost-user,id=net,chardev=net'],
      ...['-device', 'virtio-net-pci,netdev=net,romfile='],
    ];
    const sum = await onHost(`md5sum <${disk}.tree/file-3000000`);
    for (let boot = 0; boot < 2; boot++) {
      await using vm = await startQemu(linux('shell'), devices);
      const shell = await GuestShell.open(vm);
      expect(await useDisk(shell, '/dev/vda')).toBe(sum);
      expect(await useEntropy(shell)).toBe('4096');
      expect((await useNetwork(shell)).slice(0, 32)).toBe((await onHost(`md5sum <${folder}/data`)).slice(0, 32));
      await shell.run(
        'cd /sys/bus/virtio/drivers/virtio_blk && for n in 1 2 3; do for d in virtio*; do echo $d >unbind; echo $d >bind; done; done; cd /',
      );
      expect(await useDisk(shell, '/dev/vda')).toBe(sum);
      vm.write('poweroff -f\n');
      expect(await vm.exited()).toBe(0);
    }
    await onHost(`e2fsck -fn ${disk}`);
    // QEMU's notes of a disk's requests have no room for the queue that it has.
    const said = daemons.flatMap(({ stderr }) =>
      stderr.split('\n').filter((line) => !/too large for the notes/.test(line)),
    );
    expect(said.join('')).toBe('');
  });

  test('net with two pairs of queues', async () => {
    const tap = await makeNetwork('multi_queue');
    const socket = await serve('net', { network: `tap:${tap}`, queues: 2 });
    const devices = [
      ...[...chardev('net', socket), '-netdev', 'vhost-user,id=net,chardev=net,queues=2', '-smp', '2'],
      ...['-device', 'virtio-net-pci,netdev=net,romfile=,mq=on,vectors=6'],
    ];
    await using vm = await startQemu(linux('shell'), devices);
    const shell = await GuestShell.open(vm);
    await shell.run(CONFIGURE);
    await useBothPairs(shell);
    expect(daemons.map(({ stderr }) => stderr).join('')).toBe('');
  });

  test('console, by the front-end of QEMU 11 for any device: bytes both ways, a driver that comes and goes', async () => {
    const console = join(folder, 'hvc0');
    const con = await serve('console', { console: `unix:${console}` });
    const devices = [
      ...[...chardev('con', con), '-device', anyDevice('con', VIRTIO_ID_CONSOLE, 4, virtio_console_config.size)],
    ];
    await using vm = await startQemu(linux('shell'), devices, QEMU_11);
    const shell = await GuestShell.open(vm);
    for (let round = 0; round < 3; round++) {
      expect(await useConsole(shell, console, round)).toBe('from the host 200');
      await shell.run(
        'cd /sys/bus/virtio/drivers/virtio_console; for v in virtio*; do echo $v >unbind; echo $v >bind; done; cd /',
      );
    }
    expect(daemons.map(({ stderr }) => stderr).join('')).toBe('');
  });

  test('rtc, by the same: the time of the host, and a driver that comes and goes', async () => {
    const rtc = await serve('rtc');
    const devices = [...chardev('rtc', rtc), '-device', anyDevice('rtc', VIRTIO_ID_CLOCK, 2, 0)];
    await using vm = await startQemu(linux('shell'), devices, QEMU_11);
    const shell = await GuestShell.open(vm);
    for (let round = 0; round < 3; round++) {
      expect(await shell.run('cat /sys/class/ptp/ptp0/clock_name')).toMatch(/^Virtio PTP/);
      // QEMU's board has another clock.
      const clock = await shell.run('ls /sys/bus/virtio/devices/*/rtc');
      const shown = Date.parse(`${await shell.run(`hwclock -u -f /dev/${clock} | cut -c1-24`)} UTC`) / 1000;
      expect(Math.abs(shown - Number(await onHost('date +%s')))).toBeLessThan(CLOCK_SLACK_S);
      const driver = '/sys/bus/virtio/drivers/virtio_rtc';
      await shell.run(`cd ${driver}; for v in virtio*; do echo $v >unbind; echo $v >bind; done; cd /`);
    }
    expect(daemons.map(({ stderr }) => stderr).join('')).toBe('');
  });

  test('vsock: streams from both sides', async () => {
    const path = join(folder, 'vsock');
    const socket = await serve('vsock', { path, cid: 42 });
    const peer = await startPeer(l1, path, STREAMS, STREAM_BYTES);
    const kernel = linux('vsock,idle', `orko.streams=${STREAMS} orko.bytes=${STREAM_BYTES}`);
    const devices = [...chardev('vsock', socket), '-device', 'vhost-user-vsock-pci,chardev=vsock'];
    await using vm = await startQemu(kernel, devices);
    await expectWhole(vm, peer, STREAMS);
  });
});
