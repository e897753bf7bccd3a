/**
 * vfio-nvme, bar-trap, bar-ro-direct: devices of an L1 with an SMMU, passed through (src/nested/passthrough-devices.ts). The peer of
 * the first two is QEMU's vfio-pci. Of bar-ro-direct both are ours: a BAR that the guest may read, beside one that it may write too.
 */
import { PASSTHROUGH_DEVICES } from '../../src/nested/passthrough-devices.ts';
import type { ProgressSink } from '../../src/nested/progress.ts';
import { bindCommand } from '../support/vfio-bind.ts';
import type { BenchHost } from './bench-host.ts';
import { runLoads } from './blk.ts';
import type { Contender } from './contenders.ts';
import type { FigureId, Round } from './figure.ts';
import { microseconds, storm } from './mmio-exit.ts';
import { inRounds } from './rounds.ts';

export type PassthroughFigureId = Extract<FigureId, 'vfio-nvme' | 'bar-trap' | 'bar-ro-direct'>;
export const PASSTHROUGH_IDS: readonly PassthroughFigureId[] = ['vfio-nvme', 'bar-trap', 'bar-ro-direct'];

const { nvme: NVME, ivshmem: IVSHMEM } = PASSTHROUGH_DEVICES;
const NANOSECONDS = 1000;

const MEASURES: Record<PassthroughFigureId, (host: BenchHost, progress: ProgressSink) => Promise<readonly Round[]>> = {
  'vfio-nvme': measureNvme,
  'bar-trap': (host, progress) => inRounds('bar-trap', progress, (contender) => trap(host, contender), microseconds),
  'bar-ro-direct': measureReadOnly,
};

/** `host` has the devices. */
export async function measurePassthrough(
  id: PassthroughFigureId,
  host: BenchHost,
  progress: ProgressSink,
): Promise<readonly Round[]> {
  for (const address of [NVME, IVSHMEM]) await bind(host, address);
  return MEASURES[id](host, progress);
}

async function bind(host: BenchHost, address: string): Promise<void> {
  const { exitCode, stderr } = await host.run(bindCommand(address));
  if (exitCode !== 0) throw new Error(`Cannot bind ${address} to vfio-pci: ${stderr}`);
}

async function measureNvme(host: BenchHost, progress: ProgressSink): Promise<readonly Round[]> {
  const devices: Record<Contender, string> = {
    ours: `{ type: vfio, host: "${NVME}" }`,
    peer: `-device vfio-pci,host=${NVME},rombar=0`,
  };
  const measure = async (contender: Contender) => {
    const run = await runLoads(host, contender, ['rand-qd8'], devices[contender], { disk: '/dev/nvme0n1' });
    return run['rand-qd8'].perSecond;
  };
  return inRounds('vfio-nvme', progress, measure, (perSecond) => `${perSecond.toFixed(0)}/s`);
}

/** What one read of a BAR costs that has to be made for the guest. */
async function trap(host: BenchHost, contender: Contender): Promise<number> {
  const peer = ['-device', `vfio-pci,host=${IVSHMEM},rombar=0,x-no-mmap=on`];
  const { read } = await storm(host, contender, { cmdline: 'bar', devices: { ours: ourBar('trap'), peer } });
  return read;
}

/** With the loop around the read, which takes as long: a read that does not exit is not to be told from nothing otherwise. */
async function measureReadOnly(host: BenchHost, progress: ProgressSink): Promise<readonly Round[]> {
  const measure = async (contender: Contender) => {
    const devices = { ours: ourBar(contender === 'ours' ? 'ro-direct' : 'direct'), peer: [] };
    const { read, loop } = await storm(host, 'ours', { cmdline: 'bar', devices, exits: false });
    return NANOSECONDS * (read + loop);
  };
  return inRounds('bar-ro-direct', progress, measure, (value) => `${value.toFixed(1)} ns`, 'direct');
}

function ourBar(policy: string): string {
  return `{ shared: { type: vfio, host: "${IVSHMEM}", bars: { 2: ${policy} } } }`;
}
