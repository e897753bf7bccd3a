/** rss: the memory that running a guest takes beside the guest's own, ten seconds after init, the shell idle. */
import type { ProgressSink } from '../../src/nested/progress.ts';
import type { BenchHost } from './bench-host.ts';
import { CONTENDERS, type Contender, GUEST_MEMORY_MIB, invocation } from './contenders.ts';
import type { Round } from './figure.ts';
import { roundCount } from './rounds.ts';

const SETTLE_S = 10;

/** Both at the same time: what is measured is not time, and each waits most of it. */
export async function measureRss(host: BenchHost, progress: ProgressSink): Promise<readonly Round[]> {
  const rounds: Round[] = [];
  for (const count = roundCount(); rounds.length < count; ) {
    const [ours, peer] = await Promise.all(CONTENDERS.map((contender) => idleMegabytes(host, contender)));
    rounds.push({ ours: ours!, peer: peer! });
    progress(`rss: round ${rounds.length} of ${count}: ours ${ours!.toFixed(1)} MB, QEMU ${peer!.toFixed(1)} MB`);
  }
  return rounds;
}

async function idleMegabytes(host: BenchHost, contender: Contender): Promise<number> {
  const cmdline = 'console=ttyAMA0 quiet orko.run=shell';
  const guest = { cpus: 1, kernel: 'Image', initrd: 'initramfs.cpio', cmdline };
  const { prepare, command } = invocation(contender, guest);
  const console = `console-${contender}`;
  // Every process of the contender is in the group of its first one.
  const script = `
    ${prepare}; rm -f ${console}; set -m
    ${command} </dev/null >${console} & pid=$!
    until grep -qs orko-init: ${console} || ! kill -0 $pid; do sleep 0.2; done
    sleep ${SETTLE_S}
    for process in $(pgrep -g $pid); do cat /proc/$process/smaps; done
    kill -KILL -- -$pid; wait $pid 2>/dev/null`;
  const { stdout, stderr } = await host.run(script);
  const mappings = parseMappings(stdout);
  const ram = mappings.filter(isGuestRam);
  if (ram.length === 0) throw new Error(`No guest runs in it: ${command}\n${stderr}`);
  const beside = mappings.filter((mapping) => !isGuestRam(mapping));
  return beside.reduce((sum, { rssKiB }) => sum + rssKiB, 0) / 1024;
}

interface MappingUse {
  readonly sizeKiB: number;
  readonly rssKiB: number;
  readonly isAnonymous: boolean;
}

/** proc_pid_smaps(5): a line as in maps, with a path unless anonymous, then the figures. */
function parseMappings(text: string): MappingUse[] {
  return text.split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m).flatMap((entry) => {
    const figure = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(entry)?.[1]);
    if (!/^[0-9a-f]+-/.test(entry)) return [];
    const isAnonymous = entry.split('\n', 1)[0]!.trim().split(/\s+/).length === 5;
    return [{ sizeKiB: figure('Size'), rssKiB: figure('Rss'), isAnonymous }];
  });
}

/** RAM is advised to have huge pages, as nothing beside it is, so it is a mapping of its own. */
function isGuestRam({ sizeKiB, isAnonymous }: MappingUse): boolean {
  return isAnonymous && sizeKiB === GUEST_MEMORY_MIB * 1024;
}
