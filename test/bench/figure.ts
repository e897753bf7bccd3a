/** A figure: one measure of ours, mostly against the peer's, as `make bench` prints it and out/bench.json keeps it. */

/** The ids stay stable: what was measured years apart can be compared by them. */
export type FigureId =
  | 'boot-quiet-1'
  | 'boot-quiet-4'
  | 'boot-loud-1'
  | 'boot-loud-1-nofwb'
  | 'boot-pci-16'
  | 'mmio-exit'
  | 'rss'
  | 'guest-boot'
  | 'net-tx'
  | 'net-rx'
  | 'net-ping'
  | 'net-vhost-tx'
  | 'net-vhost-rx'
  | 'net-vhost-ping'
  | 'blk-mmio-rand-qd1'
  | 'blk-mmio-rand-qd8'
  | 'blk-mmio-seq-read'
  | 'blk-mmio-seq-write'
  | 'blk-mmio-exits'
  | 'blk-mmio-exits-nofwb'
  | 'blk-mmio-cpu'
  | 'blk-pci-rand-qd1'
  | 'blk-pci-rand-qd8'
  | 'blk-pci-exits'
  | 'vfio-nvme'
  | 'bar-trap'
  | 'bar-ro-direct'
  | 'backend-split'
  | 'backend-split-qd1'
  | 'vub-qd1'
  | 'vub-qd8'
  | 'vub-exits'
  | 'fs-read'
  | 'fs-find'
  | 'reconnect'
  | 'pool-blk'
  | 'pool-fs'
  | 'ring-split'
  | 'ring-split-indirect'
  | 'ring-packed'
  | 'ring-packed-indirect';

/** What a figure is measured in, and when it is good. */
interface Figure {
  readonly unit: string;
  /** The ratio of ours to the peer's that it shall not exceed, or not fall below; none where nobody is a peer. */
  readonly bar?: number;
  readonly better: 'lower' | 'higher';
  /** The bar is for our value itself: the peer's is there for comparison. */
  readonly isAbsolute?: true;
}

const lower = (unit: string, bar: number): Figure => ({ unit, bar, better: 'lower' });
const atMost = (unit: string, bar: number): Figure => ({ unit, bar, better: 'lower', isAbsolute: true });
const higher = (unit: string, bar: number): Figure => ({ unit, bar, better: 'higher' });
/** Chains through the device's side of a queue (test/bench/ring.ts). */
const CHAINS: Figure = { unit: 'M/s', better: 'higher' };

/** A disk of ours in its own process; the peer is the same one in process (test/bench/backend-split.ts). */
const SPLIT: Figure = { unit: '/s', better: 'higher' };

export const FIGURES: Record<FigureId, Figure> = {
  'boot-quiet-1': lower('s', 0.75),
  'boot-quiet-4': lower('s', 0.8),
  'boot-loud-1': lower('s', 0.35),
  'boot-loud-1-nofwb': lower('s', 0.6),
  'boot-pci-16': lower('s', 0.7),
  'mmio-exit': lower('µs', 1.0),
  rss: lower('MB', 1.3),
  'guest-boot': lower('s', 1.0),
  'net-tx': higher('Mbit/s', 1.5),
  'net-rx': higher('Mbit/s', 1.5),
  'net-ping': lower('ms', 0.6),
  'net-vhost-tx': higher('Mbit/s', 1.5),
  'net-vhost-rx': higher('Mbit/s', 1.5),
  'net-vhost-ping': lower('ms', 0.6),
  'vub-qd1': higher('/s', 1.0),
  'vub-qd8': higher('/s', 1.0),
  'vub-exits': atMost('each', 0.01),
  'fs-read': higher('MB/s', 1.0),
  'fs-find': higher('/s', 1.0),
  reconnect: lower('ms', 1.5),
  'pool-blk': higher('MB/s', 0.75),
  'pool-fs': higher('MB/s', 0.75),
  'ring-split': CHAINS,
  'ring-split-indirect': CHAINS,
  'ring-packed': CHAINS,
  'ring-packed-indirect': CHAINS,
  'blk-mmio-rand-qd1': higher('/s', 1.3),
  'blk-mmio-rand-qd8': higher('/s', 2.0),
  'blk-mmio-seq-read': higher('MB/s', 1.2),
  'blk-mmio-seq-write': higher('MB/s', 1.2),
  'blk-mmio-exits': atMost('each', 0.01),
  'blk-mmio-exits-nofwb': atMost('each', 1),
  'blk-mmio-cpu': lower('s/GiB', 1.0),
  'blk-pci-rand-qd1': higher('/s', 1.3),
  'blk-pci-rand-qd8': higher('/s', 1.3),
  'blk-pci-exits': atMost('each', 0.01),
  'vfio-nvme': higher('/s', 1.0),
  'bar-trap': lower('µs', 1.0),
  'bar-ro-direct': lower('ns', 1.05),
  'backend-split': SPLIT,
  'backend-split-qd1': SPLIT,
};

/** One round: ours and the peer's value, taken right after one another; or ours alone. */
export interface Round {
  readonly ours: number;
  readonly peer?: number;
}

/** One entry of out/bench.json. */
export interface BenchEntry {
  readonly id: FigureId;
  readonly ours: number;
  readonly peer: number | null;
  readonly ratio: number | null;
  readonly unit: string;
  readonly better: 'lower' | 'higher';
  /** How many rounds the medians are of. */
  readonly runs: number;
}

/** Medians of both; the ratio is the median of the rounds' ratios, since only what ran side by side can be compared. */
export function benchEntry(id: FigureId, rounds: readonly Round[]): BenchEntry {
  const peers = rounds.flatMap(({ peer }) => peer ?? []);
  const ratios = rounds.flatMap(({ ours, peer }) => (peer === undefined ? [] : ours / peer));
  return {
    id,
    ours: rounded(median(rounds.map(({ ours }) => ours))),
    peer: peers.length === 0 ? null : rounded(median(peers)),
    ratio: ratios.length === 0 ? null : rounded(median(ratios)),
    unit: FIGURES[id].unit,
    better: FIGURES[id].better,
    runs: rounds.length,
  };
}

export const TABLE_HEAD = tableLine(['', 'ours min/median/max', 'QEMU min/median/max', 'ratio', 'bar']);

export function figureLine(id: FigureId, rounds: readonly Round[]): string {
  const { unit, bar, better, isAbsolute } = FIGURES[id];
  const { ours, ratio } = benchEntry(id, rounds);
  const spread = (values: readonly number[]) =>
    values.length === 0
      ? ''
      : `${[Math.min(...values), median(values), Math.max(...values)].map(written).join(' / ')} ${unit}`;
  const judged = isAbsolute ? ours : ratio;
  const isMissed = bar !== undefined && judged !== null && (better === 'lower' ? judged > bar : judged < bar);
  return tableLine([
    id,
    spread(rounds.map(({ ours }) => ours)),
    spread(rounds.flatMap(({ peer }) => peer ?? [])),
    ratio?.toFixed(3) ?? '',
    bar === undefined ? '' : `${better === 'lower' ? '≤' : '≥'} ${bar.toFixed(2)}${isMissed ? '  missed' : ''}`,
  ]);
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

function tableLine(cells: readonly string[]): string {
  const widths = [24, 42, 42, 8, 0];
  return cells
    .map((cell, index) => cell.padEnd(widths[index]!))
    .join('')
    .trimEnd();
}

/** Thousandths matter below one. */
function written(value: number): string {
  return value.toFixed(value < 1 ? 3 : 2);
}

function rounded(value: number): number {
  return Number(value.toPrecision(5));
}
