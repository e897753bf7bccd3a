/** Notes of requests in hand: what the next process finds after the last one was killed at any moment. */
import { expect, test } from 'vitest';
import type { Fd } from '../../../src/host/fd.ts';
import { createInflight, type InflightDescription, InflightNotes } from '../../../src/vhost-user/inflight-notes.ts';
import { PeerFault } from '../../../src/vhost-user/peer-fault.ts';
import { queuePair } from '../../support/queue-pair.ts';

const SHAPE = { mmap_size: 0n, mmap_offset: 0n, num_queues: 2, queue_size: 8 };

/** A process that has the notes, and then another. */
function notesOf({ description, fd }: { description: InflightDescription; fd: Fd }, index = 0) {
  return new InflightNotes(description, fd).queue(index, 8)!;
}

test('createInflight: the layout of the specification, each queue on cache lines of its own', () => {
  const { description, fd } = createInflight(SHAPE);
  using _ = fd;
  expect(description).toEqual({ ...SHAPE, mmap_size: 2n * 192n });
});

test('new notes begin where the ring stands', () => {
  const kept = createInflight(SHAPE);
  using _ = kept.fd;
  expect(notesOf(kept).resume(40)).toEqual([]);
  expect(notesOf(kept).resume(40)).toEqual([]);
});

test('what was taken and not given comes back in the order in which it was taken', () => {
  const kept = createInflight(SHAPE);
  using _ = kept.fd;
  const first = notesOf(kept, 1);
  first.resume(0);
  for (const head of [5, 2, 7, 0]) first.taken(head);
  first.given(2);
  first.published(1);
  expect(notesOf(kept, 1).resume(1)).toEqual([5, 7, 0]);
  const third = notesOf(kept, 1);
  third.resume(1);
  third.taken(2);
  expect(notesOf(kept, 1).resume(1)).toEqual([5, 7, 0, 2]);
  expect(notesOf(kept, 0).resume(0)).toEqual([]);
});

test('killed between used.idx and the notes: what the driver has seen is not done again', () => {
  const kept = createInflight(SHAPE);
  using _ = kept.fd;
  const first = notesOf(kept);
  first.resume(0xfffe);
  for (const head of [1, 2, 3, 4]) first.taken(head);
  for (const head of [3, 1]) first.given(head);
  expect(notesOf(kept).resume(0), 'a batch of two was published').toEqual([2, 4]);
});

test('killed before used.idx: all of it is done again', () => {
  const kept = createInflight(SHAPE);
  using _ = kept.fd;
  const first = notesOf(kept);
  first.resume(0);
  for (const head of [1, 2]) first.taken(head);
  first.given(1);
  expect(notesOf(kept).resume(0)).toEqual([1, 2]);
});

test('a queue that has no place among the notes has none', () => {
  const { description, fd } = createInflight(SHAPE);
  using _ = fd;
  const notes = new InflightNotes(description, fd);
  expect([notes.queue(2, 8), notes.queue(0, 9)]).toEqual([undefined, undefined]);
});

test.each([
  [
    'of a queue of another size',
    (kept: ReturnType<typeof createInflight>) => new InflightNotes(kept.description, kept.fd).queue(0, 4)!.resume(0),
  ],
  ['of another ring', (kept: ReturnType<typeof createInflight>) => notesOf(kept).resume(500)],
  ['of no queue', () => createInflight({ ...SHAPE, num_queues: 0 })],
  [
    'that are shorter than they say',
    ({ description, fd }: ReturnType<typeof createInflight>) =>
      new InflightNotes({ ...description, num_queues: 3 }, fd),
  ],
  [
    'that lie behind the end',
    ({ description, fd }: ReturnType<typeof createInflight>) =>
      new InflightNotes({ ...description, mmap_offset: 4096n }, fd),
  ],
])('notes %s are refused', (_, misuse) => {
  const kept = createInflight(SHAPE);
  using _fd = kept.fd;
  notesOf(kept).resume(0);
  expect(() => misuse(kept)).toThrow(PeerFault);
});

test('a queue keeps them: popped, completed, shown', () => {
  const kept = createInflight(SHAPE);
  using _ = kept.fd;
  const notes = notesOf(kept);
  notes.resume(0);
  const { driver, queue } = queuePair({ notes });
  const buffers = [1, 2, 3].map(() => driver.add({ writable: [1] }));
  driver.kick();
  const chains = [queue.pop()!, queue.pop()!, queue.pop()!];
  chains[1]!.complete();
  expect(notesOf(kept).resume(0)).toEqual(buffers.map(({ id }) => id));
  queue.signal();
  expect(notesOf(kept).resume(1)).toEqual([buffers[0]!.id, buffers[2]!.id]);
});

test('a queue takes what is outstanding first, then goes on in the available ring', () => {
  const { ram, driver, queue } = queuePair();
  const buffers = [1, 2, 3].map((byte) => driver.add({ readable: [Uint8Array.of(byte)] }));
  driver.kick();
  const byteOf = (one: typeof queue) => {
    const byte = new Uint8Array(1);
    one.pop()!.read(byte);
    return byte[0];
  };
  expect([byteOf(queue), byteOf(queue)]).toEqual([1, 2]);
  const outstanding = [buffers[0]!.id, buffers[1]!.id];
  const next = queuePair({ ram, places: driver.places, position: { avail: 2, used: 0, outstanding } }).queue;
  expect(next.hasWork()).toBe(true);
  expect([byteOf(next), byteOf(next), byteOf(next)]).toEqual([1, 2, 3]);
  expect(next.pop()).toBeUndefined();
});
