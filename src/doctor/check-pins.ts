/** The host CPUs that a config pins its vCPUs to: there, usable, of one kind. */
import { ConfigError } from '../base/errors.ts';
import type { VmConfig } from '../config/schema.ts';
import { formatCpuRanges, type HostCpus } from '../host/cpus.ts';
import type { Problems } from './problems.ts';

export function checkPins({ cpus }: VmConfig, host: HostCpus, problems: Problems): void {
  const keyPath = 'cpus.pin';
  if (!cpus.pin) {
    if (host.kinds.size > 1) {
      const kinds = [...host.kinds.values()].map(formatCpuRanges).join(' and ');
      problems.warn(
        `The host's CPUs are of unlike kinds (${kinds}), and a vCPU that moves to another kind may fail: pin the vCPUs to CPUs of one kind with cpus.pin`,
        'cpus',
      );
    }
    return;
  }
  const refuse = (cpu: number, why: string) => {
    problems.add('error', new ConfigError(`Cannot pin a vCPU to CPU ${cpu}: ${why}`, { keyPath }));
  };
  for (const cpu of cpus.pin) {
    if (!host.online.includes(cpu))
      refuse(cpu, `this host's CPUs are ${formatCpuRanges(host.online)}: choose among them`);
    else if (!host.allowed.includes(cpu)) {
      refuse(cpu, `this process may use CPUs ${formatCpuRanges(host.allowed)} only: choose among them, or see taskset`);
    }
  }
  const kinds = [...host.kinds.values()].filter((kind) => kind.some((cpu) => cpus.pin!.includes(cpu)));
  if (kinds.length > 1) {
    const each = kinds.map(formatCpuRanges).join(' and ');
    problems.warn(`The vCPUs are pinned to CPUs of unlike kinds (${each}): choose CPUs of one kind`, keyPath);
  }
}
