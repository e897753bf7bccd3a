/** A figure: one measure of ours against the peer's, as `make bench` prints it and out/bench.json keeps it. */

/** The ids stay stable: what was measured years apart can be compared by them. */
export type FigureId =
  | 'boot-quiet-1'
  | 'boot-quiet-4'
  | 'boot-loud-1'
  | 'boot-loud-1-nofwb'
  | 'mmio-exit'
  | 'rss'
  | 'guest-boot'
  | 'net-tx'
  | 'net-rx'
  | 'net-ping';

/** What a figure is measured in, and when it is good. */
interface Figure {
  readonly unit: string;
  /** The ratio of ours to the peer's that it shall not exceed, or not fall below. */
  readonly bar: number;
  readonly better: 'lower' | 'higher';
}

const lower = (unit: string, bar: number): Figure => ({ unit, bar, better: 'lower' });
const higher = (unit: string, bar: number): Figure => ({ unit, bar, better: 'higher' });

export const FIGURES: Record<FigureId, Figure> = {
  'boot-quiet-1': lower('s', 0.75),
  'boot-quiet-4': lower('s', 0.8),
  'boot-loud-1': lower('s', 0.35),
  'boot-loud-1-nofwb': lower('s', 0.6),
  'mmio-exit': lower('µs', 1.0),
  rss: lower('MB', 1.3),
  'guest-boot': lower('s', 1.0),
  'net-tx': higher('Mbit/s', 1.5),
  'net-rx': higher('Mbit/s', 1.5),
  'net-ping': lower('ms', 0.6),
};

/** One round: ours and the peer's value, taken right after one another. */
export interface Round {
  readonly ours: number;
  readonly peer: number;
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
  return {
    id,
    ours: rounded(median(rounds.map(({ ours }) => ours))),
    peer: rounded(median(rounds.map(({ peer }) => peer))),
    ratio: rounded(median(rounds.map(({ ours, peer }) => ours / peer))),
    unit: FIGURES[id].unit,
    better: FIGURES[id].better,
    runs: rounds.length,
  };
}

export const TABLE_HEAD = tableLine(['', 'ours min/median/max', 'QEMU min/median/max', 'ratio', 'bar']);

export function figureLine(id: FigureId, rounds: readonly Round[]): string {
  const { ratio } = benchEntry(id, rounds);
  const { unit, bar, better } = FIGURES[id];
  const isMet = better === 'lower' ? ratio! <= bar : ratio! >= bar;
  const spread = (values: readonly number[]) =>
    `${[Math.min(...values), median(values), Math.max(...values)].map((value) => value.toFixed(2)).join(' / ')} ${unit}`;
  return tableLine([
    id,
    spread(rounds.map(({ ours }) => ours)),
    spread(rounds.map(({ peer }) => peer)),
    ratio!.toFixed(3),
    `${better === 'lower' ? '≤' : '≥'} ${bar.toFixed(2)}${isMet ? '' : '  missed'}`,
  ]);
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

function tableLine(cells: readonly string[]): string {
  const widths = [20, 30, 30, 8, 0];
  return cells
    .map((cell, index) => cell.padEnd(widths[index]!))
    .join('')
    .trimEnd();
}

function rounded(value: number): number {
  return Number(value.toPrecision(5));
}
