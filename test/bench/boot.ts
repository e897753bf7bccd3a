/** boot-*, guest-boot: from before exec to the program's exit, with a Linux that powers itself off from its init. */
import type { ProgressSink } from '../../src/nested/progress.ts';
import type { BenchHost } from './bench-host.ts';
import { type BenchGuest, type Contender, invocation } from './contenders.ts';
import type { FigureId, Round } from './figure.ts';
import { inRounds } from './rounds.ts';

/** What the guest's init prints first: CLOCK_BOOTTIME in seconds (guests/linux/agent/main.c). */
const INIT_LINE = /^orko-init: boottime=([\d.]+)/m;

type BootFigureId = Extract<FigureId, `boot-${string}`>;

const PCI_DEVICES = 16;
const MANY_ON_PCI = {
  ours: `{ ${Array.from({ length: PCI_DEVICES }, (_, n) => `r${n}: { type: rng, transport: pci }`).join(', ')} }`,
  peer: Array.from({ length: PCI_DEVICES }, () => ['-device', 'virtio-rng-pci']).flat(),
};

const BOOTS: Record<BootFigureId, Pick<BenchGuest, 'cpus' | 'devices'> & { readonly loudness: string }> = {
  'boot-quiet-1': { cpus: 1, loudness: 'quiet' },
  'boot-quiet-4': { cpus: 4, loudness: 'quiet' },
  'boot-loud-1': { cpus: 1, loudness: 'loglevel=8' },
  'boot-loud-1-nofwb': { cpus: 1, loudness: 'loglevel=8' },
  'boot-pci-16': { cpus: 1, loudness: 'quiet', devices: MANY_ON_PCI },
};

interface Boot {
  readonly seconds: number;
  readonly guestSeconds: number;
}

export interface BootRounds {
  readonly wall: readonly Round[];
  readonly guest: readonly Round[];
}

export async function measureBoot(host: BenchHost, id: BootFigureId, progress: ProgressSink): Promise<BootRounds> {
  const { loudness, ...machine } = BOOTS[id];
  const cmdline = `console=ttyAMA0 ${loudness} orko.run=poweroff`;
  const guest: BenchGuest = { ...machine, kernel: 'Image', initrd: 'initramfs.cpio', cmdline };
  const measure = (contender: Contender) => boot(host, contender, guest);
  const rounds = await inRounds(id, progress, measure, ({ seconds }) => `${seconds.toFixed(2)} s`);
  return {
    wall: rounds.map(({ ours, peer }) => ({ ours: ours.seconds, peer: peer.seconds })),
    guest: rounds.map(({ ours, peer }) => ({ ours: ours.guestSeconds, peer: peer.guestSeconds })),
  };
}

/** bash's own clock around the program: nothing else is started while it runs. */
async function boot(host: BenchHost, contender: Contender, guest: BenchGuest): Promise<Boot> {
  const { prepare, command } = invocation(contender, guest);
  const timed = `start=$EPOCHREALTIME; ${command} </dev/null >console; code=$?; end=$EPOCHREALTIME`;
  const { stdout, stderr } = await host.run(`${prepare}; ${timed}; echo "$start $end $code"; cat console`);
  const [start = 0, end = 0, code] = stdout.split('\n', 1)[0]!.split(' ').map(Number);
  const guestSeconds = INIT_LINE.exec(stdout)?.[1];
  if (code !== 0 || guestSeconds === undefined) {
    throw new Error(`The guest did not boot (exit code ${code}): ${command}\n${stdout.slice(-2000)}\n${stderr}`);
  }
  return { seconds: end - start, guestSeconds: Number(guestSeconds) };
}
