/**
 * pool-blk, pool-fs: what `memory: pool` costs against `memory: all`, both ours, with the same back-end: a disk of
 * qemu-storage-daemon that is read and written with O_DIRECT, and a folder of virtiofsd whose file is read and written.
 * All of it sequential, 128 MiB in the host's memory, by turns and three times. The bytes of both directions by the seconds
 * that dd took for them.
 * All guest memory is taken at start, since faults at the first touch would be most of both otherwise (docs/measurements.md).
 */
import { MiB } from '../../src/base/units.ts';
import { quote } from '../../src/nested/l1.ts';
import type { ProgressSink } from '../../src/nested/progress.ts';
import type { BenchHost } from './bench-host.ts';
import { type Contender, invocation } from './contenders.ts';
import type { FigureId, Round } from './figure.ts';
import { copied, said, scriptCmdline, timed } from './guest-script.ts';
import { inRounds } from './rounds.ts';

export type PoolFigureId = Extract<FigureId, `pool-${string}`>;

const MIB = 128;
/** One copy of 128 MiB takes a second, in which a shared machine may do something else. */
const TURNS = ['1', '2', '3'];
const MB = 1e6;
/** Users of the host need no name. */
const USER = 4711;

interface Load {
  /** The device in the config, but for `memory`. */
  readonly device: string;
  /** In the host's folder, before. */
  readonly prepare: string;
  /** In the guest: before, and words for dd, each of `blocks` blocks. */
  readonly mount: readonly string[];
  readonly read: string;
  readonly write: string;
  readonly blocks: number;
}

const DISK_COMMAND = [
  ...['qemu-storage-daemon', '--blockdev', '"driver=file,node-name=d,filename=/tmp/bench-pool/disk,cache.direct=off"'],
  ...['--export', '"type=vhost-user-blk,id=e,node-name=d,writable=on,addr.type=unix,addr.path={socket}"'],
].join(', ');

const LOADS: Record<PoolFigureId, Load> = {
  'pool-blk': {
    device: `type: blk, backend: { user: "${USER}", command: [${DISK_COMMAND}] }`,
    prepare: `dd if=/dev/zero of=/tmp/bench-pool/disk bs=1M count=${MIB} status=none`,
    mount: [],
    read: 'if=/dev/vda of=/dev/null bs=256k iflag=direct',
    write: `if=/dev/zero of=/dev/vda bs=256k count=${4 * MIB} oflag=direct`,
    blocks: 4 * MIB,
  },
  'pool-fs': {
    device: `type: fs, backend: { user: "${USER}", command: [/usr/libexec/virtiofsd, --socket-path, "{socket}", --shared-dir, /tmp/bench-pool/folder, --sandbox, none] }`,
    prepare: `mkdir -p /tmp/bench-pool/folder; dd if=/dev/zero of=/tmp/bench-pool/folder/data bs=1M count=${MIB} status=none`,
    mount: ['mount -t virtiofs disk /mnt'],
    read: 'if=/mnt/data of=/dev/null bs=1M',
    write: `if=/dev/zero of=/mnt/new bs=1M count=${MIB} conv=fsync`,
    blocks: MIB,
  },
};

/** "Ours" is the pool, and the peer all of RAM. */
export async function measurePool(id: PoolFigureId, host: BenchHost, progress: ProgressSink): Promise<Round[]> {
  const run = (contender: Contender) => megabytesPerSecond(host, LOADS[id], contender === 'ours' ? 'pool' : 'all');
  return inRounds(`${id} (the peer is memory: all)`, progress, run, (value) => `${value.toFixed(1)} MB/s`);
}

async function megabytesPerSecond(host: BenchHost, load: Load, memory: string): Promise<number> {
  const { device, prepare, mount, read, write, blocks } = load;
  const turns = TURNS.flatMap((turn) => [
    'echo 3 >/proc/sys/vm/drop_caches',
    ...timed(`READ${turn}`, copied(read)),
    ...timed(`WRITE${turn}`, copied(write)),
  ]);
  const { prepare: writeConfig, command } = invocation('ours', {
    ...{ cpus: 1, kernel: 'Image', initrd: 'initramfs.cpio' },
    cmdline: scriptCmdline([...mount, ...turns]),
  });
  const { exitCode, stdout, stderr } = await host.run(`
    rm -rf /tmp/bench-pool; mkdir -p /tmp/bench-pool; ${prepare}; chown -R ${USER} /tmp/bench-pool
    ${writeConfig}; echo ${quote(`devices: { disk: { memory: ${memory}, ${device} } }`)} >>guest.yaml
    ${command} --set memory.prefault=true </dev/null; code=$?; rm -rf /tmp/bench-pool; exit $code`);
  const copies = TURNS.flatMap((turn) => [said(stdout, `READ${turn}`), said(stdout, `WRITE${turn}`)]);
  if (exitCode !== 0 || !copies.every((copy) => copy?.count === blocks)) {
    throw new Error(`The guest did not finish its copies: ${stdout.slice(-2000)}\n${stderr}`);
  }
  const seconds = copies.reduce((sum, copy) => sum + copy!.seconds, 0);
  return (copies.length * MIB * MiB) / MB / seconds;
}
