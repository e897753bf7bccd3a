/**
 * fs-read, fs-find: a folder of virtiofsd, the same program for both, and both on PCI with MSI-X, where no interrupt costs an exit.
 * 1 GiB in the host's memory is read from the first byte to the last, four times what the guest has; then find looks at 10⁴ files.
 * Both take the guest's memory at start (`prefault`, `prealloc`).
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

interface FsRun {
  readonly megabytesPerSecond: number;
  readonly filesPerSecond: number;
}

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

const COMMANDS = [
  `mount -t virtiofs ${TAG} /mnt`,
  ...timed('READ', copied('if=/mnt/data of=/dev/null bs=1M')),
  ...timed('FOUND', 'find /mnt/many -type f -size -1 | wc -l'),
];

export async function measureFs(host: BenchHost, progress: ProgressSink): Promise<Record<FsFigureId, Round[]>> {
  const describe = (run: FsRun) =>
    `${run.megabytesPerSecond.toFixed(1)} MB/s, ${run.filesPerSecond.toFixed(0)} files/s`;
  const measured = await inRounds('fs', progress, (contender) => run(host, contender), describe);
  const roundsOf = (key: keyof FsRun) => measured.map(({ ours, peer }) => ({ ours: ours[key], peer: peer[key] }));
  return { 'fs-read': roundsOf('megabytesPerSecond'), 'fs-find': roundsOf('filesPerSecond') };
}

async function run(host: BenchHost, contender: Contender): Promise<FsRun> {
  const guest = { cpus: 1, kernel: 'Image', initrd: 'initramfs.cpio', cmdline: scriptCmdline(COMMANDS) };
  const { prepare, command } = invocation(contender, guest);
  const started =
    contender === 'ours'
      ? `echo ${quote(`devices: { disk: ${DEVICES.ours} }`)} >>guest.yaml; ${command} --set memory.prefault=true`
      : `${command} ${DEVICES.peer}`;
  const { exitCode, stdout, stderr } = await host.run(`${PREPARE}\n ${prepare}; ${started} </dev/null`);
  const [read, found] = [said(stdout, 'READ'), said(stdout, 'FOUND')];
  if (exitCode !== 0 || read?.count !== MIB || found?.count !== FILES) {
    throw new Error(`The guest did not read its folder: ${command}\n${stdout.slice(-2000)}\n${stderr}`);
  }
  return { megabytesPerSecond: (MIB * MiB) / MB / read.seconds, filesPerSecond: FILES / found.seconds };
}
