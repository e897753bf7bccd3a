/** What every machine that is only its control interface answers about its devices: it has one, a disk. */
import { ConfigError } from '../../src/base/errors.ts';
import type { DeviceDescription, DeviceSharing, MachineStats, MemoryReport } from '../../src/control/protocol.ts';

export const DEVICES: readonly DeviceDescription[] = [
  { name: 'root', type: 'blk', actions: [{ name: 'resize', help: 'Make the disk VALUE large' }] },
];

export const STATS: MachineStats = {
  name: 'board',
  uptimeMs: 5000,
  boots: 1,
  cpus: [{ exits: 12, undecoded: 4 }, { exits: 3 }],
  kvm: { exits: 99 },
  devices: [
    {
      name: 'root',
      type: 'blk',
      queues: [{ kicks: 3, interrupts: 2, chains: 5, bytesRead: 80, bytesWritten: 4101, kickToUsedUs: [0, 0, 1, 2] }],
      counters: { flushes: 1 },
    },
  ],
};

export const SHARING: readonly DeviceSharing[] = [
  {
    name: 'root',
    type: 'blk',
    process: { uid: 4711, pid: 812, command: 'qemu-storage-da' },
    memory: [{ what: 'pool root', base: 0x6000_0000, size: 2 ** 26, fd: 23, file: 'memfd:pool-root' }],
    ...{ isolation: 'real', reason: 'it sees the pool' },
  },
  { name: 'rng', type: 'rng', memory: [], isolation: 'own', reason: 'orko-vmm serves it itself' },
];

export const MEMORY: MemoryReport = {
  forcesWriteBack: false,
  types: [{ stage2: 'Normal-WB', asks: 'Device-nGnRE', gets: 'Device-nGnRE', getsForced: 'Normal-WB' }],
  slots: [
    {
      ...{ name: 'RAM', kind: 'ram', base: 0x4000_0000, size: 2 ** 29, readOnly: false, stage2: 'Normal-WB' },
      backing: '/memfd:guest-ram, pages of 4 KiB',
      mappedBy: [{ device: 'root', process: { uid: 4711, pid: 812, command: 'qemu-storage-da' } }],
    },
  ],
};

export const CONTROLLED_DEVICES = {
  devices: () => DEVICES,
  async act(device: string, action: string, value: string | undefined): Promise<string> {
    if (device !== 'root') throw new ConfigError(`There is no device "${device}": this VM has root`);
    return `${action} ${value ?? ''}`.trim();
  },
  stats: async () => STATS,
  sharing: async () => SHARING,
  memory: async () => MEMORY,
};
