/**
 * net-tx, net-rx, net-ping, and the same with net-vhost: a guest on a tap of the host. iperf3 in one stream for ten seconds, first from the guest, then to
 * it, and a hundred pings; all of them from one boot, the peer's being QEMU's own tap on virtio-mmio.
 */
import { quote } from '../../src/nested/l1.ts';
import type { ProgressSink } from '../../src/nested/progress.ts';
import type { BenchHost } from './bench-host.ts';
import { type Contender, invocation } from './contenders.ts';
import type { FigureId, Round } from './figure.ts';
import { inRounds } from './rounds.ts';

type NetFigureId = Extract<FigureId, `net-${string}`>;

const SECONDS = 10;
const PINGS = 100;
const TAP = 'orko-bench0';
const HOST = '10.99.0.1';
const GUEST = '10.99.0.2';

interface NetRun {
  /** Mbit/s that arrived. */
  readonly tx: number;
  readonly rx: number;
  /** Milliseconds. */
  readonly ping: number;
}

/** What the figures' names begin with: a card that our I/O thread serves, as is the default, or the host's kernel. */
export type NetFigures = 'net' | 'net-vhost';

/** What is added to the config. */
const OURS: Record<NetFigures, string> = {
  net: `devices: { net0: { type: net, network: "tap:${TAP}" } }`,
  'net-vhost': `devices: { net0: { type: net, network: "tap:${TAP}", vhost: on } }`,
};
/** And to QEMU's words, whichever it is. */
const PEER = `-netdev tap,id=n,ifname=${TAP},script=no,downscript=no,vhost=off -device virtio-net-device,netdev=n`;

/** 5201, iperf3's port, as the kernel prints it. */
const LISTENS = 'until grep -qi ":1451 " /proc/net/tcp /proc/net/tcp6; do sleep 0.1; done';
/** What the guest is told at its prompt; the last word is not in the command itself, which the console echoes. */
const GUEST_COMMANDS = `ip addr add ${GUEST}/24 dev eth0; ip link set eth0 up; (while :; do iperf3 -s -1; done >/dev/null 2>&1 &); ${LISTENS}; echo LISTE""NING`;

export async function measureNet(
  figures: NetFigures,
  host: BenchHost,
  progress: ProgressSink,
): Promise<[NetFigureId, Round[]][]> {
  const describe = ({ tx, rx, ping }: NetRun) => `${tx.toFixed(0)}/${rx.toFixed(0)} Mbit/s, ${ping.toFixed(2)} ms`;
  const rounds = await inRounds(figures, progress, (contender) => run(host, contender, OURS[figures]), describe);
  const kinds = ['tx', 'rx', 'ping'] as const;
  return kinds.map((kind) => [
    `${figures}-${kind}`,
    rounds.map(({ ours, peer }) => ({ ours: ours[kind], peer: peer[kind] })),
  ]);
}

async function run(host: BenchHost, contender: Contender, device: string): Promise<NetRun> {
  const cmdline = 'console=ttyAMA0 quiet orko.run=shell';
  const { prepare, command } = invocation(contender, { cpus: 1, kernel: 'Image', initrd: 'net.cpio', cmdline });
  const started = contender === 'ours' ? command : `${command} ${PEER}`;
  // Both sides' iperf3 count what arrived; -R turns the stream round.
  // A server for each test, because one for all of them now and then ends after the first; until the next one listens, who comes is refused.
  const iperf = (direction: string, to: string) =>
    `for try in $(seq 20); do iperf3 -c ${GUEST} -t ${SECONDS} -J ${direction} >${to} && break; sleep 0.5; done`;
  const script = `
    ${prepare}; ${contender === 'ours' ? `echo ${quote(device)} >>guest.yaml` : ''}
    cat initramfs.cpio iperf3.cpio >net.cpio
    modprobe -a tun vhost_net; ip tuntap add mode tap name ${TAP}
    ip addr add ${HOST}/24 dev ${TAP}; ip link set ${TAP} up
    rm -f keys; mkfifo keys; set -m
    ${started} <keys >console & pid=$!; exec 3>keys
    printed() { until grep -qs "$1" console; do kill -0 $pid || return; sleep 0.1; done; }
    printed 'orko:~# '; echo ${quote(GUEST_COMMANDS)} >&3; printed LISTENING
    ${iperf('-R', 'tx.json')}; ${iperf('', 'rx.json')}
    ping -q -c ${PINGS} -i 0.1 ${GUEST} >ping.txt
    kill -KILL -- -$pid; wait $pid 2>/dev/null; exec 3>&-
    ip link del ${TAP}
    cat tx.json; echo =; cat rx.json; echo =; cat ping.txt; echo =; tail -c 2000 console`;
  const { stdout, stderr } = await host.run(script);
  const [tx, rx, ping, console = ''] = stdout.split('\n=\n');
  const average = /= [\d.]+\/([\d.]+)\//.exec(ping ?? '')?.[1];
  if (average === undefined) throw new Error(`No guest answered: ${command}\n${stdout.slice(-3000)}\n${stderr}`);
  const said = `${command}\n${console}\n${stderr}`;
  return { tx: megabits(tx!, said), rx: megabits(rx!, said), ping: Number(average) };
}

function megabits(json: string, said: string): number {
  const { end, error } = JSON.parse(json) as { end: { sum_received?: { bits_per_second: number } }; error?: string };
  if (end.sum_received === undefined) throw new Error(`iperf3 failed: ${error}: ${said}`);
  return end.sum_received.bits_per_second / 1e6;
}
