/** ring-*: the figures of test/bench/ring.ts, each round in a process of its own, so that no ring warms up for another. */
import { join } from 'node:path';
import { command } from '../../src/nested/command.ts';
import type { ProgressSink } from '../../src/nested/progress.ts';
import type { FigureId, Round } from './figure.ts';
import { roundCount } from './rounds.ts';

export const RING_IDS = ['ring-split', 'ring-split-indirect', 'ring-packed', 'ring-packed-indirect'] as const;
export type RingId = (typeof RING_IDS)[number] & FigureId;

export async function measureRing(id: RingId, progress: ProgressSink): Promise<readonly Round[]> {
  const [, format, layout = 'direct'] = id.split('-');
  const rounds: Round[] = [];
  for (const count = roundCount(); rounds.length < count; ) {
    const program = [join(import.meta.dirname, 'ring.ts'), format!, layout];
    const ours = Number(await command('measure a ring', process.execPath, program)) / 1e6;
    rounds.push({ ours });
    progress(`${id}: round ${rounds.length} of ${count}: ${ours.toFixed(2)} million chains a second`);
  }
  return rounds;
}
