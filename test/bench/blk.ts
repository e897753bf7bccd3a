/**
 * blk-mmio-*, blk-pci-*: a disk of 128 MiB in the host's memory, read and written with O_DIRECT by the guest's own bench
 * (guests/linux/agent/disk.c), ten seconds each. The peer is QEMU's virtio-blk-pci with an I/O thread, the better of its two
 * ways to do I/O. Exits and CPU time are the host's own counters, taken when a load begins and when it ends.
 */
import { quote } from '../../src/nested/l1.ts';
import type { ProgressSink } from '../../src/nested/progress.ts';
import type { BenchHost } from './bench-host.ts';
import { type BenchGuest, type Contender, invocation } from './contenders.ts';
import { type FigureId, median, type Round } from './figure.ts';
import { inRounds } from './rounds.ts';

type BlkFigureId = Extract<FigureId, `blk-mmio-${string}`>;
type PciFigureId = Extract<FigureId, `blk-pci-${string}`>;

const LOADS = ['rand-qd1', 'rand-qd8', 'seq-read', 'seq-write'] as const;
export type Load = (typeof LOADS)[number];

/** In the bench host's folder. */
export const DISK = 'disk.img';
const DISK_MIB = 128;
const SECONDS = 10;
const MB = 1e6;
const GIB = 2 ** 30;
/** USER_HZ of every Linux on arm64 and x86. */
const TICKS_PER_SECOND = 100;
/** Positions in /proc/PID/stat after the name's bracket: utime, stime and guest_time are fields 14, 15 and 43 (proc(5)). */
const Stat = { UTIME: 14 - 3, STIME: 15 - 3, GUEST_TIME: 43 - 3 } as const;

/** QEMU's ways to do I/O: for each figure the one that is better in the median of all rounds counts. */
const AIO = ['threads', 'io_uring'] as const;

/** What a VM of ours has by default, and the same on PCI. */
const OUR_DEVICE = `{ type: blk, path: ${DISK} }`;
const OUR_PCI_DEVICE = `{ type: blk, path: ${DISK}, transport: pci }`;

export interface Measured {
  readonly perSecond: number;
  readonly bytesPerSecond: number;
  readonly exitsPerRequest: number;
  /** CPU seconds of the VMM, the guest's own left out. */
  readonly cpuPerGib: number;
}
type Run = Record<Load, Measured>;

/** What a figure is taken from, and how. Better when larger, but for the last two. */
const SOURCES: Record<BlkFigureId, (run: Run) => number> = {
  'blk-mmio-rand-qd1': (run) => run['rand-qd1'].perSecond,
  'blk-mmio-rand-qd8': (run) => run['rand-qd8'].perSecond,
  'blk-mmio-seq-read': (run) => run['seq-read'].bytesPerSecond / MB,
  'blk-mmio-seq-write': (run) => run['seq-write'].bytesPerSecond / MB,
  'blk-mmio-exits': (run) => run['rand-qd8'].exitsPerRequest,
  'blk-mmio-exits-nofwb': (run) => run['rand-qd8'].exitsPerRequest,
  'blk-mmio-cpu': (run) => run['seq-read'].cpuPerGib,
};
const LOWER: readonly BlkFigureId[] = ['blk-mmio-exits', 'blk-mmio-exits-nofwb', 'blk-mmio-cpu'];

export type BlkRounds = Record<Exclude<BlkFigureId, 'blk-mmio-exits-nofwb'>, Round[]>;

export async function measureBlk(host: BenchHost, progress: ProgressSink): Promise<BlkRounds> {
  const take = await rounded('blk', host, LOADS, OUR_DEVICE, progress);
  return Object.fromEntries(
    (Object.keys(SOURCES) as BlkFigureId[]).filter((id) => id !== 'blk-mmio-exits-nofwb').map((id) => [id, take(id)]),
  ) as BlkRounds;
}

/** On a host without FEAT_S2FWB, where reads of registers leave the guest. */
export async function measureBlkExits(host: BenchHost, progress: ProgressSink): Promise<Round[]> {
  const take = await rounded('blk-mmio-exits-nofwb', host, ['rand-qd8'], OUR_DEVICE, progress);
  return take('blk-mmio-exits-nofwb');
}

export async function measureBlkPci(host: BenchHost, progress: ProgressSink): Promise<Record<PciFigureId, Round[]>> {
  const take = await rounded('blk-pci', host, ['rand-qd1', 'rand-qd8'], OUR_PCI_DEVICE, progress);
  return {
    'blk-pci-rand-qd1': take('blk-mmio-rand-qd1'),
    'blk-pci-rand-qd8': take('blk-mmio-rand-qd8'),
    'blk-pci-exits': take('blk-mmio-exits'),
  };
}

/** Runs `loads` in all rounds. Returns what takes the rounds of a figure from them. */
async function rounded(
  what: string,
  host: BenchHost,
  loads: readonly Load[],
  ourDevice: string,
  progress: ProgressSink,
): Promise<(id: BlkFigureId) => Round[]> {
  const runs = async (contender: Contender) =>
    contender === 'ours'
      ? [await runLoads(host, contender, loads, ourDevice)]
      : [await runLoads(host, contender, loads, peerDevice(0)), await runLoads(host, contender, loads, peerDevice(1))];
  const describe = (each: Run[]) =>
    each.map((one) => loads.map((load) => `${load} ${one[load].perSecond.toFixed(0)}/s`).join(', ')).join(' or ');
  const measured = await inRounds(what, progress, runs, describe);
  return (id) => {
    const take = SOURCES[id];
    const medians = AIO.map((_, way) => median(measured.map(({ peer }) => take(peer[way]!))));
    const best = medians.indexOf((LOWER.includes(id) ? Math.min : Math.max)(...medians));
    return measured.map(({ ours, peer }) => ({ ours: take(ours[0]!), peer: take(peer[best]!) }));
  };
}

function peerDevice(way: 0 | 1): string {
  return `-object iothread,id=io -drive file=${DISK},if=none,id=d,format=raw,cache=writeback,aio=${AIO[way]} -device virtio-blk-pci,drive=d,iothread=io,romfile=`;
}

export interface LoadOptions {
  /** A script that has the device served once the disk is there. */
  readonly server?: string;
  /** What the guest calls it. */
  readonly disk?: string;
}

/** `device`: of a config, or arguments of QEMU. */
export async function runLoads(
  host: BenchHost,
  contender: Contender,
  loads: readonly Load[],
  device: string,
  { server = 'true', disk = '/dev/vda' }: LoadOptions = {},
): Promise<Run> {
  const cmdline = `console=ttyAMA0 quiet orko.run=diskbench orko.disk=${disk} orko.seconds=${SECONDS} orko.loads=${loads.join('+')}`;
  const guest: BenchGuest = { cpus: 1, kernel: 'Image', initrd: 'initramfs.cpio', cmdline };
  const { prepare, command } = invocation(contender, guest);
  const script = `
    ${prepare}; ${contender === 'ours' ? `echo ${quote(`devices: { disk: ${device} }`)} >>guest.yaml` : ''}
    [ -s ${DISK} ] || dd if=/dev/zero of=${DISK} bs=1M count=${DISK_MIB} status=none
    ${server}
    exec 3< <(exec ${contender === 'ours' ? command : `${command} ${device}`} </dev/null 2>errors); pid=$!
    while IFS= read -r line <&3; do
      case $line in ORKO-LOAD*)
        read -r exits </sys/kernel/debug/kvm/$pid-*/mmio_exit_user; read -r stat </proc/$pid/stat
        echo "\${line%$'\\r'}|$exits|$stat";;
      ORKO-CHECK*|ORKO-DONE*) echo "$line";;
      esac
    done
    wait $pid; echo "exit code $?"; cat errors >&2`;
  const { stdout, stderr } = await host.run(script);
  if (!/^exit code 0$/m.test(stdout) || stdout.includes(' FAIL ') || !stdout.includes('ORKO-DONE')) {
    throw new Error(`The guest did not finish its loads: ${command}\n${stdout.slice(-2000)}\n${stderr}`);
  }
  return Object.fromEntries(loads.map((load) => [load, measure(stdout, load)])) as Run;
}

function measure(output: string, load: Load): Measured {
  const line = (kind: string) => output.split('\n').find((text) => text.startsWith(`ORKO-LOAD ${kind} ${load}`))!;
  const [begin, end] = [line('begin').split('|'), line('end').split('|')];
  const said = Object.fromEntries(
    [...end[0]!.matchAll(/(\w+)=([\d.]+)/g)].map(([, name, value]) => [name!, Number(value)]),
  ) as Record<'requests' | 'bytes' | 'seconds', number>;
  const cpuSeconds = (cpuTicks(end[2]!) - cpuTicks(begin[2]!)) / TICKS_PER_SECOND;
  return {
    perSecond: said.requests / said.seconds,
    bytesPerSecond: said.bytes / said.seconds,
    exitsPerRequest: (Number(end[1]) - Number(begin[1])) / said.requests,
    cpuPerGib: cpuSeconds / (said.bytes / GIB),
  };
}

function cpuTicks(stat: string): number {
  const fields = stat
    .replace(/^.*\) /, '')
    .split(' ')
    .map(Number);
  return fields[Stat.UTIME]! + fields[Stat.STIME]! - fields[Stat.GUEST_TIME]!;
}
