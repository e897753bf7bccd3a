/**
 * vub-qd1, vub-qd8, vub-exits: a disk of qemu-storage-daemon over vhost-user, the same daemon for both: ours on virtio-mmio with
 * direct interrupts, as it is by default, and QEMU's vhost-user-blk-pci with MSI-X. The loads of blk-mmio-rand-*.
 */
import type { ProgressSink } from '../../src/nested/progress.ts';
import type { BenchHost } from './bench-host.ts';
import { DISK, type Load, runLoads } from './blk.ts';
import { type Contender, GUEST_MEMORY_MIB } from './contenders.ts';
import type { FigureId, Round } from './figure.ts';
import { inRounds } from './rounds.ts';

type VubFigureId = Extract<FigureId, `vub-${string}`>;

const LOADS: readonly Load[] = ['rand-qd1', 'rand-qd8'];
const SOCKET = 'vub.sock';
/** It serves one VM; the next one gets a new one. */
const DAEMON = `rm -f ${SOCKET}; qemu-storage-daemon --blockdev driver=file,node-name=d,filename=${DISK} \
  --export type=vhost-user-blk,id=e,node-name=d,writable=on,addr.type=unix,addr.path=${SOCKET} &
  trap "kill $!" EXIT; until [ -S ${SOCKET} ]; do sleep 0.1; done`;
const DEVICES: Readonly<Record<Contender, string>> = {
  ours: `{ type: blk, backend: ${SOCKET} }`,
  peer: `-object memory-backend-memfd,id=m,size=${GUEST_MEMORY_MIB}M,share=on -machine memory-backend=m \
    -chardev socket,id=c,path=${SOCKET} -device vhost-user-blk-pci,chardev=c`,
};

export async function measureVub(host: BenchHost, progress: ProgressSink): Promise<Record<VubFigureId, Round[]>> {
  const measured = await inRounds(
    'vub',
    progress,
    (contender) => runLoads(host, contender, LOADS, DEVICES[contender], { server: DAEMON }),
    (run) => LOADS.map((load) => `${load} ${run[load].perSecond.toFixed(0)}/s`).join(', '),
  );
  const roundsOf = (load: Load, key: 'perSecond' | 'exitsPerRequest') =>
    measured.map(({ ours, peer }) => ({ ours: ours[load][key], peer: peer[load][key] }));
  return {
    'vub-qd1': roundsOf('rand-qd1', 'perSecond'),
    'vub-qd8': roundsOf('rand-qd8', 'perSecond'),
    'vub-exits': roundsOf('rand-qd8', 'exitsPerRequest'),
  };
}
