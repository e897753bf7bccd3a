/** One discarded warm-up of each contender, then both in turn, so that what disturbs one disturbs the other. */
import type { ProgressSink } from '../../src/nested/progress.ts';
import { CONTENDERS, type Contender } from './contenders.ts';

const ROUNDS_DEFAULT = 9;

/** ORKO_BENCH_ROUNDS cuts (or raises) the number of rounds while one works on something. */
export function roundCount(): number {
  const asked = Number(process.env['ORKO_BENCH_ROUNDS'] ?? ROUNDS_DEFAULT);
  if (!Number.isInteger(asked) || asked < 1) throw new Error('ORKO_BENCH_ROUNDS is a number of rounds, 1 or more');
  return asked;
}

export async function inRounds<Value>(
  what: string,
  progress: ProgressSink,
  measure: (contender: Contender) => Promise<Value>,
  describe: (value: Value) => string,
  peerName = 'QEMU',
): Promise<Record<Contender, Value>[]> {
  for (const contender of CONTENDERS) await measure(contender);
  const rounds: Record<Contender, Value>[] = [];
  for (const count = roundCount(); rounds.length < count; ) {
    const round = { ours: await measure('ours'), peer: await measure('peer') };
    rounds.push(round);
    progress(
      `${what}: round ${rounds.length} of ${count}: ours ${describe(round.ours)}, ${peerName} ${describe(round.peer)}`,
    );
  }
  return rounds;
}
