/**
 * fs-read, fs-find: a folder of virtiofsd, the same program for both, and both on PCI with MSI-X, where no interrupt costs an exit.
 * 1 GiB in the host's memory is read from the first byte to the last, four times what the guest has; find looks at 10⁴ files. Each is
 * done in a guest of its own, so that neither finds what the other has left. Both take the guest's memory at start (`prefault`, `prealloc`).
 */

import { MiB } from '../../src/base/units.ts';
import { quote } from '../../src/nested/l1.ts';
import type { ProgressSink } from '../../src/nested/progress.ts';
import type { BenchHost } from './bench-host.ts';
import { type Contender, GUEST_MEMORY_MIB, invocation } from './contenders.ts';
import type { FigureId, Round } from './figure.ts';
import { copied, said, scriptCmdline, timed } from './guest-script.ts';
import { inRounds } from './rounds.ts';

type FsFigureId = Extract<FigureId, `fs-${string}`>;

const MIB = 1024;
const FILES = 10_000;
const MB = 1e6;
const FOLDER = 'fs-shared';
const SOCKET = 'fs.sock';
const TAG = 'share';

/** In the host's folder, before. */
const PREPARE = `
  [ -d ${FOLDER} ] || { mkdir -p ${FOLDER}/many; dd if=/dev/zero of=${FOLDER}/data bs=1M count=${MIB} status=none
    (cd ${FOLDER}/many; seq -f 'f%g' ${FILES} | xargs touch); }
  rm -f ${SOCKET}; /usr/libexec/virtiofsd --socket-path ${SOCKET} --shared-dir ${FOLDER} --sandbox none 2>daemon.log &
  trap "kill $! 2>/dev/null" EXIT; until [ -S ${SOCKET} ]; do sleep 0.1; done`;

const DEVICES: Readonly<Record<Contender, string>> = {
  ours: `{ type: fs, tag: ${TAG}, backend: ${SOCKET}, transport: pci }`,
  peer: `-object memory-backend-memfd,id=m,size=${GUEST_MEMORY_MIB}M,share=on,prealloc=on -machine memory-backend=m \
    -chardev socket,id=c,path=${SOCKET} -device vhost-user-fs-pci,chardev=c,tag=${TAG}`,
};

interface Load {
  readonly unit: string;
  /** In the guest: prints how many units of work it did. */
  readonly command: string;
  readonly count: number;
  /** What the figure counts in each of those. */
  readonly worth: number;
}

const LOADS: Record<FsFigureId, Load> = {
  'fs-read': { unit: 'MB/s', command: copied('if=/mnt/data of=/dev/null bs=1M'), count: MIB, worth: MiB / MB },
  'fs-find': { unit: 'files/s', command: 'find /mnt/many -type f -size -1 | wc -l', count: FILES, worth: 1 },
};

export async function measureFs(id: FsFigureId, host: BenchHost, progress: ProgressSink): Promise<Round[]> {
  const describe = (rate: number) => `${rate.toFixed(1)} ${LOADS[id].unit}`;
  return inRounds(id, progress, (contender) => ratePerSecond(host, LOADS[id], contender), describe);
}

async function ratePerSecond(host: BenchHost, load: Load, contender: Contender): Promise<number> {
  const cmdline = scriptCmdline([`mount -t virtiofs ${TAG} /mnt`, ...timed('DONE', load.command)]);
  const { prepare, command } = invocation(contender, { cpus: 1, kernel: 'Image', initrd: 'initramfs.cpio', cmdline });
  const started =
    contender === 'ours'
      ? `echo ${quote(`devices: { disk: ${DEVICES.ours} }`)} >>guest.yaml; ${command} --set memory.prefault=true`
      : `${command} ${DEVICES.peer}`;
  const { exitCode, stdout, stderr } = await host.run(`${PREPARE}\n ${prepare}; ${started} </dev/null`);
  const done = said(stdout, 'DONE');
  if (exitCode !== 0 || done?.count !== load.count) {
    throw new Error(`The guest did not read its folder: ${command}\n${stdout.slice(-2000)}\n${stderr}`);
  }
  return (load.count * load.worth) / done.seconds;
}
