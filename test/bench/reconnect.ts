/**
 * reconnect: how soon a disk works again whose back-end was killed. Ours is the time from the moment at which the new
 * qemu-storage-daemon listens to the guest's first completed request, which has waited for it; the "peer" is what the same
 * program's first set-up took when the VM started: from listening to the end of the probe, and the messages at DRIVER_OK,
 * without what the guest did between the two.
 */
import { quote } from '../../src/nested/l1.ts';
import type { ProgressSink } from '../../src/nested/progress.ts';
import type { BenchHost } from './bench-host.ts';
import { invocation } from './contenders.ts';
import type { Round } from './figure.ts';
import { roundCount } from './rounds.ts';

const DISK = 'reconnect.img';
const SOCKET = 'reconnect.sock';
const RECORD = 'reconnect.vhost';
const DEVICE = `{ type: blk, record: ${RECORD}, backend: ${SOCKET} }`;

/** Starts the daemon; the socket's change time is that of its bind, which listen follows. */
const SERVE = `qemu-storage-daemon --blockdev driver=file,node-name=d,filename=${DISK} \
  --export type=vhost-user-blk,id=e,node-name=d,writable=on,addr.type=unix,addr.path=${SOCKET} & daemon=$!
  until [ -S ${SOCKET} ]; do sleep 0.1; done; stat -c 'LISTENS %.9Z' ${SOCKET}`;
/** The last word is not in the command itself, which the console echoes. */
const readOnce = (word: string) =>
  `dd if=/dev/vda of=/dev/null bs=4k count=1 iflag=direct 2>/dev/null; echo ${word.slice(0, 2)}""${word.slice(2)}`;

export async function measureReconnect(host: BenchHost, progress: ProgressSink): Promise<Round[]> {
  await measureOnce(host);
  const rounds: Round[] = [];
  for (const count = roundCount(); rounds.length < count; ) {
    const { ours, peer } = await measureOnce(host);
    rounds.push({ ours, peer });
    progress(
      `reconnect: round ${rounds.length} of ${count}: ${ours.toFixed(1)} ms, the first set-up ${peer.toFixed(1)} ms`,
    );
  }
  return rounds;
}

/** Milliseconds. */
async function measureOnce(host: BenchHost): Promise<Required<Round>> {
  const cmdline = 'console=ttyAMA0 quiet orko.run=shell';
  const { prepare, command } = invocation('ours', { cpus: 1, kernel: 'Image', initrd: 'initramfs.cpio', cmdline });
  const { stdout, stderr } = await host.run(`
    ${prepare}; echo ${quote(`devices: { disk: ${DEVICE} }`)} >>guest.yaml
    truncate -s 16M ${DISK}; rm -f ${SOCKET} ${RECORD} keys console; mkfifo keys; set -m
    { ${command} <keys & echo $! >vm.pid; wait; } | while IFS= read -r line; do echo "$EPOCHREALTIME $line"; done >console &
    exec 3>keys
    printed() { for try in $(seq 600); do grep -qs "$1" console && return; sleep 0.1; done; echo "No $1"; }
    until grep -qs '"begin"' ${RECORD}; do sleep 0.1; done; sleep 1
    ${SERVE}
    printed 'Type poweroff'; echo ${quote(readOnce('READY'))} >&3; printed READY
    kill -KILL $daemon; rm ${SOCKET}; sleep 1
    echo ${quote(readOnce('FIRST'))} >&3; sleep 1
    ${SERVE}
    printed FIRST
    kill -KILL $(cat vm.pid) $daemon; exec 3>&-
    cat console; echo =; cat ${RECORD}`);
  const [said = '', record = ''] = stdout.split('\n=\n');
  const [first, again] = [...said.matchAll(/^LISTENS ([\d.]+)$/gm)].map(([, seconds]) => Number(seconds) * 1000);
  const done = /^([\d.]+) FIRST\r?$/m.exec(said)?.[1];
  if (first === undefined || again === undefined || done === undefined) {
    throw new Error(`The guest did not read its disk again: ${stdout.slice(-3000)}\n${stderr}`);
  }
  return { ours: Number(done) * 1000 - again, peer: firstSetUp(record, first) };
}

interface Line {
  readonly kind: string;
  readonly at?: string;
  readonly ms: number;
}

/** Of a flight recording, for a back-end that listened at `listenedMs` since 1970. The guest's boot is the longest pause in it. */
function firstSetUp(record: string, listenedMs: number): number {
  const lines = record
    .split('\n')
    .filter((line) => line.endsWith('}'))
    .map((line) => JSON.parse(line) as Line);
  const beganMs = Date.parse(lines[0]!.at!);
  const connections = lines.flatMap(({ kind }, index) => (kind === 'connected' ? index : []));
  const times = lines
    .slice(connections[0], connections[1])
    .flatMap(({ kind, ms }) => (kind === 'message' ? beganMs + ms : []));
  const pauses = times.map((time, index) => time - (times[index - 1] ?? time));
  const start = pauses.indexOf(Math.max(...pauses));
  return times[start - 1]! - listenedMs + (times.at(-1)! - times[start]!);
}
