/** What a VM's process takes of its host, seen from there. */
import type { NestedHost } from './nested-host.ts';
import type { Vm } from './vm.ts';

const MIB = 2 ** 20;

/** Runs `command` on the host; it has to succeed. */
export async function onHost(l1: NestedHost, command: string, timeoutMs = 120_000): Promise<string> {
  return l1.must(command, { timeoutMs });
}

export async function pidOf(vm: Vm): Promise<number> {
  const { stdout } = await vm.ctl('status');
  return Number(/^pid: (\d+)$/m.exec(stdout)![1]);
}

/** File descriptors that the process has open. */
export async function openFiles(l1: NestedHost, vm: Vm): Promise<number> {
  return Number(await onHost(l1, `ls /proc/${await pidOf(vm)}/fd | wc -l`));
}

export interface MemoryUse {
  /** Of guest RAM, which has a size like no other mapping: how much is there, in MiB. */
  readonly residentMiB: number;
  /** What the host could give to others, in MiB. */
  readonly availableMiB: number;
}

/** `ramMiB`: the guest's RAM. */
export async function memoryUse(l1: NestedHost, vm: Vm, ramMiB: number): Promise<MemoryUse> {
  const pid = await pidOf(vm);
  const size = (ramMiB * MIB) / 1024;
  const resident = `awk '/^Size: +${size} kB/ { here = 1 } here && /^Rss:/ { print $2; exit }' /proc/${pid}/smaps`;
  const available = `awk '/^MemAvailable:/ { print $2 }' /proc/meminfo`;
  const [rss, memAvailable] = (await onHost(l1, `${resident}; ${available}`)).split('\n').map(Number);
  return { residentMiB: Math.round(rss! / 1024), availableMiB: Math.round(memAvailable! / 1024) };
}

/** Looks until `isSo`, and throws what it saw last when that takes too long. */
export async function eventually<Seen>(
  look: () => Promise<Seen>,
  isSo: (seen: Seen) => boolean,
  timeoutMs = 90_000,
): Promise<Seen> {
  for (const end = Date.now() + timeoutMs; ; ) {
    const seen = await look();
    if (isSo(seen)) return seen;
    if (Date.now() > end) throw new Error(`This did not change in ${timeoutMs} ms: ${JSON.stringify(seen)}`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}
