/**
 * backend-split, backend-split-qd1: what it costs a disk of ours to have a process of its own: the loads of blk-mmio-rand-*, in a
 * VM of ours both times. Here the "peer" is the same disk in process.
 */
import type { ProgressSink } from '../../src/nested/progress.ts';
import type { BenchHost } from './bench-host.ts';
import { DISK, type Load, runLoads } from './blk.ts';
import type { Contender } from './contenders.ts';
import type { Round } from './figure.ts';
import { inRounds } from './rounds.ts';

const LOADS: readonly Load[] = ['rand-qd1', 'rand-qd8'];
const BACK_END = `[package/bin/orko-vmm.js, backend, blk, --socket-path, "{socket}", --path, ${DISK}]`;
const DEVICES: Readonly<Record<Contender, string>> = {
  ours: `{ type: blk, backend: { command: ${BACK_END} } }`,
  peer: `{ type: blk, path: ${DISK} }`,
};

export async function measureBackEndSplit(
  host: BenchHost,
  progress: ProgressSink,
): Promise<Record<'backend-split' | 'backend-split-qd1', Round[]>> {
  const measured = await inRounds(
    'backend-split',
    progress,
    (contender) => runLoads(host, 'ours', LOADS, DEVICES[contender]),
    (run) => LOADS.map((load) => `${load} ${run[load].perSecond.toFixed(0)}/s`).join(', '),
    'in process',
  );
  const roundsOf = (load: Load) =>
    measured.map(({ ours, peer }) => ({ ours: ours[load].perSecond, peer: peer[load].perSecond }));
  return { 'backend-split': roundsOf('rand-qd8'), 'backend-split-qd1': roundsOf('rand-qd1') };
}
