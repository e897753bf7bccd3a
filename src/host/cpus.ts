/** The host's CPUs: which there are, which we may use, and whether they are alike. */
import type { HostFiles } from './host-files.ts';

const CPUS = '/sys/devices/system/cpu';

export interface HostCpus {
  readonly online: readonly number[];
  /** Those that this process may run on (taskset, cgroups). */
  readonly allowed: readonly number[];
  /** The CPUs of each kind, by MIDR_EL1; a kernel that does not tell leaves it empty. */
  readonly kinds: ReadonlyMap<string, readonly number[]>;
}

export function hostCpus(files: HostFiles): HostCpus {
  const online = parseCpuRanges(files.text(`${CPUS}/online`) ?? '');
  const allowed = /^Cpus_allowed_list:\s+(\S+)$/m.exec(files.text('/proc/self/status') ?? '')?.[1];
  const kinds = new Map<string, number[]>();
  for (const cpu of online) {
    const midr = files.text(`${CPUS}/cpu${cpu}/regs/identification/midr_el1`);
    if (midr !== undefined) kinds.set(midr, [...(kinds.get(midr) ?? []), cpu]);
  }
  return { online, allowed: allowed === undefined ? online : parseCpuRanges(allowed), kinds };
}

/** `0-2,5` → [0, 1, 2, 5], as the kernel writes sets of CPUs. */
export function parseCpuRanges(text: string): number[] {
  if (text === '') return [];
  return text.split(',').flatMap((range) => {
    const [first, last = first] = range.split('-').map(Number) as [number, number?];
    return Array.from({ length: last! - first + 1 }, (_, index) => first + index);
  });
}

/** [0, 1, 2, 5] → `0-2,5`. */
export function formatCpuRanges(cpus: readonly number[]): string {
  const starts = cpus.filter((cpu) => !cpus.includes(cpu - 1)).sort((a, b) => a - b);
  return starts
    .map((start) => {
      let end = start;
      while (cpus.includes(end + 1)) end++;
      return end === start ? `${start}` : `${start}-${end}`;
    })
    .join(',');
}
