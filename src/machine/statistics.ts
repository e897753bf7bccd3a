/** What vCPUs and queues have counted, as `ctl stats` and `run --stats` show it. */
import type { MachineStats } from '../control/protocol.ts';
import type { BinaryStats } from '../kvm/stats.ts';
import type { Processors } from '../vcpu/processors.ts';
import type { VirtioDevices } from './virtio-devices.ts';

/** Whatever counts; all of it optional, since a machine may be between two guests. */
export interface Counting {
  readonly vcpus: readonly { openStats(): BinaryStats | undefined }[];
  /** Each vCPU's returns from KVM_RUN, and how many of them wanted an instruction decoded. */
  readonly processors: Pick<Processors, 'exitCounts' | 'undecodedCounts' | 'outside'> | undefined;
  readonly virtio: VirtioDevices | undefined;
}

export async function statistics({
  vcpus,
  processors,
  virtio,
}: Counting): Promise<Pick<MachineStats, 'cpus' | 'kvm' | 'devices'>> {
  return {
    cpus: (processors?.exitCounts ?? []).map((exits, index) => ({
      exits,
      undecoded: processors!.undecodedCounts[index]!,
    })),
    kvm: processors ? processors.outside(() => kvmCounters(vcpus)) : {},
    devices: (await virtio?.stats()) ?? [],
  };
}

/** Sums over all vCPUs. A histogram has no one number, so it is left out. */
function kvmCounters(vcpus: Counting['vcpus']): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const vcpu of vcpus) {
    using stats = vcpu.openStats();
    for (const [name, value] of Object.entries(stats?.read() ?? {})) {
      if (!name.endsWith('_hist')) sums[name] = (sums[name] ?? 0) + Number(value);
    }
  }
  return sums;
}
