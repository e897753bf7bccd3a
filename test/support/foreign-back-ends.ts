/** The back-ends of others that Debian has, one of each: how they are started, and what a guest does with their devices. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { expect } from 'vitest';
import { takeAddress } from './guest-network.ts';
import type { GuestShell } from './guest-shell.ts';
import type { NestedHost } from './nested-host.ts';
import { TEST_TIMEOUT_MS, type Vm } from './vm.ts';
import { startPeer } from './vsock-load.ts';

export const VIRTIOFSD = '/usr/libexec/virtiofsd';
const VHOST_USER_GPU = '/opt/qemu-11/usr/lib/qemu/vhost-user-gpu';
/** Where passt shows the host to the guest: the gateway of QEMU's network, in which L1 lives. */
const USER_HOST = '10.0.2.2';
const HTTP_PORT = 8124;
const [WIDTH, HEIGHT] = [640, 480];
const STREAMS = 3;
const STREAM_BYTES = 64 * 1024;
/** What is drawn: this, over and over. A line of the display is no multiple of it, so none is like the one before. */
const PATTERN = 'orko-vmm draws a picture\n';

/** For the kernel's command line: what `use` of the sockets needs. vhost-device-vsock knows no streams with one half ended. */
export const STREAM_PARAMETERS = `orko.streams=${STREAMS} orko.bytes=${STREAM_BYTES} orko.halves=0`;

export interface ForeignBackEnd {
  /** The device's keys in the config, without those of its back-end. */
  readonly keys: object;
  /** With {socket}. */
  readonly command: readonly string[];
  /** As the kernel cuts it (comm). */
  readonly process: string;
  /** Works through the device from both sides. */
  use(vm: Vm, shell: GuestShell): Promise<void>;
}

/**
 * All of them, by the names of their devices, for one VM: vda is the disk, eth0 the card. What they serve is made in `folder`,
 * where any user may do anything.
 */
export async function foreignBackEnds(l1: NestedHost, folder: string): Promise<Record<string, ForeignBackEnd>> {
  const [shared, disk, sockets] = ['shared', 'disk', 'vsock'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  await l1.must(`mkdir -m 777 ${shared} && head -c 3000000 /dev/urandom >${shared}/data && mkdir ${disk}.tree &&
    cp ${shared}/data ${disk}.tree && mke2fs -q -t ext4 -d ${disk}.tree ${disk} 20M && chmod 666 ${disk}`);
  const sum = (await l1.must(`md5sum <${shared}/data`)).slice(0, 32);
  const expectData = (printed: string) => expect(printed.slice(0, 32)).toBe(sum);
  let calls = 0;
  let hasDrawn = false;
  return {
    disk: {
      keys: { type: 'blk' },
      command: [
        ...['qemu-storage-daemon', '--blockdev', `driver=file,node-name=disk,filename=${disk}`],
        ...['--export', 'type=vhost-user-blk,id=e,node-name=disk,writable=on,addr.type=unix,addr.path={socket}'],
      ],
      process: 'qemu-storage-da',
      async use(_, shell) {
        await shell.run('mount -t ext4 /dev/vda /mnt && cp /mnt/data /mnt/copy && umount /mnt');
        await shell.run('echo 3 >/proc/sys/vm/drop_caches; mount -t ext4 /dev/vda /mnt');
        expectData(await shell.run('md5sum </mnt/copy; umount /mnt'));
      },
    },
    share: {
      keys: { type: 'fs' },
      command: [VIRTIOFSD, '--socket-path', '{socket}', '--shared-dir', shared, '--sandbox', 'none'],
      process: 'virtiofsd',
      async use(_, shell) {
        await shell.run('mount -t virtiofs share /mnt && cp /mnt/data /mnt/copy && sync');
        expectData(await shell.run('md5sum </mnt/data; umount /mnt'));
        expectData(await l1.must(`md5sum <${shared}/copy && rm ${shared}/copy`));
      },
    },
    net0: {
      keys: { type: 'net' },
      command: ['passt', '--foreground', '--quiet', '--vhost-user', '--socket', '{socket}'],
      process: 'passt',
      async use(_, shell) {
        const server = l1.spawn(`exec busybox httpd -f -p 127.0.0.1:${HTTP_PORT} -h ${shared}`);
        await takeAddress(shell);
        expectData(await shell.run(`wget -q -O - http://${USER_HOST}:${HTTP_PORT}/data | md5sum`));
        await server.kill('KILL');
      },
    },
    vsock: {
      keys: { type: 'vsock' },
      command: ['vhost-device-vsock', '--vm', `guest-cid=42,socket={socket},uds-path=${sockets}`],
      process: 'vhost-device-vs',
      async use(vm, shell) {
        const peer = await startPeer(l1, sockets, STREAMS, STREAM_BYTES, 'whole');
        // Whatever user the back-end is.
        await l1.must(`chmod 666 ${sockets}_5000`);
        const called = shell.run('/init vsock', TEST_TIMEOUT_MS);
        await vm.printedTimes('ORKO-READY vsock', ++calls);
        peer.write('go\n');
        expect(await called).toContain(`vsock PASS calls=${STREAMS} echoes=${STREAMS}`);
        await peer.exited();
        expect(peer.stdout).toContain(`PEER calls=${STREAMS} echoes=${STREAMS}`);
      },
    },
    screen: {
      keys: { type: 'gpu', width: WIDTH, height: HEIGHT },
      command: [VHOST_USER_GPU, '--socket-path', '{socket}'],
      process: 'vhost-user-gpu',
      async use(vm, shell) {
        const shot = `${folder}/shot.ppm`;
        if (!hasDrawn) {
          expect((await vm.ctl(`device screen screenshot ${shot}`)).stderr).toContain('the guest shows nothing');
          expect((await vm.ctl('device screen screenshot x.ppm')).stderr).toContain(
            'name a new file by its whole path',
          );
        }
        hasDrawn = true;
        await draw(shell);
        const md5 = createHash('md5').update(picture()).digest('hex');
        await expect
          .poll(
            async () => {
              const { exitCode, stderr } = await vm.ctl(`device screen screenshot ${shot}`);
              return exitCode === 0 ? (await l1.must(`md5sum <${shot} && rm ${shot}`)).slice(0, 32) : stderr;
            },
            { timeout: 20_000, interval: 500 },
          )
          .toBe(md5);
      },
    },
  };
}

/** Turns the display on (the guest's kernel has no console on it that would), and covers it with PATTERN. */
async function draw(shell: GuestShell): Promise<void> {
  const bytes = 4 * WIDTH * HEIGHT;
  await shell.run('echo 32 >/sys/class/graphics/fb0/bits_per_pixel');
  await shell.run(`yes '${PATTERN.trim()}' | head -c ${bytes} >/dev/fb0`);
}

/** What a screenshot of it has to be: a file "P6" (netpbm), of pixels that the guest keeps blue first, with an unused byte. */
function picture(): Uint8Array {
  const drawn = Buffer.alloc(4 * WIDTH * HEIGHT, PATTERN);
  const pixels = Buffer.alloc(3 * WIDTH * HEIGHT);
  for (let pixel = 0; pixel < WIDTH * HEIGHT; pixel++) {
    for (let colour = 0; colour < 3; colour++) pixels[3 * pixel + colour] = drawn[4 * pixel + 2 - colour]!;
  }
  return Buffer.concat([Buffer.from(`P6\n${WIDTH} ${HEIGHT}\n255\n`), pixels]);
}
