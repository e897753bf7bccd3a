/** The host's CPUs, and the pages they translate by. */
import { formatSize } from '../base/units.ts';
import { formatCpuRanges, type HostCpus } from '../host/cpus.ts';
import type { Finding } from './finding.ts';

export function cpuFindings({ online, allowed, kinds }: HostCpus): readonly Finding[] {
  return [kindFinding(online, kinds), allowedFinding(online, allowed)].filter((finding) => finding !== undefined);
}

export function pageSizeFinding(pageSize: number): Finding {
  return {
    id: 'page-size',
    title: 'Page size',
    severity: 'ok',
    value: formatSize(pageSize),
    consequence: "the host's: guests may use any that their kernel and the CPU know",
  };
}

function kindFinding(online: readonly number[], kinds: HostCpus['kinds']): Finding {
  const about = { id: 'cpu-kinds', title: 'CPU kinds' };
  const list = [...kinds].map(([midr, cpus]) => `CPUs ${formatCpuRanges(cpus)} 0x${BigInt(midr).toString(16)}`);
  if (kinds.size > 1) {
    const [first] = [...kinds.values()].sort((a, b) => b.length - a.length);
    return {
      ...about,
      severity: 'warning',
      value: list.join(', '),
      consequence: 'a vCPU that moves to a CPU of another kind may fail there (big.LITTLE)',
      remedy: `pin vCPUs to CPUs of one kind, as in cpus: { count: ${first!.length}, pin: ${formatCpuRanges(first!)} }`,
    };
  }
  return {
    ...about,
    severity: 'ok',
    value: kinds.size === 1 ? 'all alike' : 'not told',
    consequence: `vCPUs may run on any of ${online.length}`,
  };
}

function allowedFinding(online: readonly number[], allowed: readonly number[]): Finding | undefined {
  const usable = online.filter((cpu) => allowed.includes(cpu));
  if (usable.length === online.length) return undefined;
  return {
    id: 'cpu-affinity',
    title: 'Usable CPUs',
    severity: 'note',
    value: formatCpuRanges(usable),
    consequence: `this shell may use these of CPUs ${formatCpuRanges(online)} only, and its guests too`,
    remedy: 'see `taskset -p $$` and the cpuset of the control group',
  };
}
