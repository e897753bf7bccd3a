/**
 * A driver gone mad, on a thread of its own: rewrites the descriptors, indices and indirect tables of a queue in guest RAM
 * while a device works on it, as fast as it can, until it is told to stop. `node`'s worker; started by `startMutator`.
 */
import { once } from 'node:events';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import type { GuestAddress } from '../../src/base/range.ts';
import { viewOf } from '../../src/host/libc.ts';
import { random } from './random.ts';

export interface MutatorTask {
  readonly pointer: bigint;
  readonly size: number;
  readonly base: GuestAddress;
  readonly seed: number;
  /** 16-byte tables, by address and entries: the ring's own and the indirect ones. */
  readonly tables: readonly { readonly address: GuestAddress; readonly entries: number }[];
  /** 16-bit words that are counted up or set to anything: indices. */
  readonly indices: readonly GuestAddress[];
  readonly stop: Int32Array<SharedArrayBuffer>;
}

export async function startMutator(task: Omit<MutatorTask, 'stop'>): Promise<AsyncDisposable> {
  const stop = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(new URL(import.meta.url), { workerData: { ...task, stop } });
  await once(worker, 'message');
  return {
    async [Symbol.asyncDispose]() {
      const gone = once(worker, 'exit');
      Atomics.store(stop, 0, 1);
      await gone;
    },
  };
}

function mutate({ pointer, size, base, seed, tables, indices, stop }: MutatorTask): void {
  const view = new DataView(viewOf(pointer, size));
  const dice = random(seed);
  const end = base + size;
  const bad = [end - 1, end, 0, 2 ** 52];
  const good = [base, end - 160, ...tables.map(({ address }) => address)];
  const lengths = [0, 1, 16, 64, 160];
  for (let isFirst = true; Atomics.load(stop, 0) === 0; isFirst = false) {
    for (let round = 0; round < 100; round++) {
      const { address, entries } = dice.pick(tables);
      const at = address - base + 16 * dice.below(entries);
      view.setBigUint64(at, BigInt(dice.pick(dice.below(20) === 0 ? bad : good)), true);
      view.setUint32(at + 8, dice.below(50) === 0 ? 0xffff_ffff : dice.pick(lengths), true);
      // Mostly good chains, or nothing but faults would be seen. Both formats' last fields get the same.
      const flags = dice.below(8) | (dice.below(2) === 0 ? 0x80 : 0x8000);
      view.setUint16(
        at + 12,
        dice.below(10) === 0 ? dice.below(0x10000) : dice.below(4) === 0 ? dice.below(entries) : flags & 7,
        true,
      );
      view.setUint16(at + 14, dice.below(2) === 0 ? dice.below(entries) : flags, true);
    }
    const index = dice.pick(indices) - base;
    view.setUint16(index, dice.below(50) === 0 ? dice.below(0x10000) : view.getUint16(index, true) + 1, true);
    if (isFirst) parentPort?.postMessage('running');
  }
}

// vitest's own threads are workers too, and have no task.
if (!isMainThread && (workerData as Partial<MutatorTask> | null)?.tables) mutate(workerData as MutatorTask);
