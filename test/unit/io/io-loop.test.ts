import { expect, test } from 'vitest';
import { EventFd } from '../../../src/host/eventfd.ts';
import { UnixSocket } from '../../../src/host/unix-socket.ts';
import { EpollLoop } from '../../../src/io/io-loop.ts';

test('a watched descriptor is reported as long as it is ready, a signal once', () => {
  using loop = new EpollLoop();
  using level = EventFd.create();
  using edge = EventFd.create();
  const seen: string[] = [];
  using _level = loop.watch(level.number, { readable: true }, () => void seen.push('level'));
  using _edge = loop.watchSignals(edge.number, () => void seen.push('edge'));
  level.signal();
  edge.signal();
  loop.turn();
  loop.turn();
  expect(seen.sort()).toEqual(['edge', 'level', 'level']);
  edge.signal();
  level.take();
  loop.turn();
  expect(seen.filter((what) => what === 'edge')).toHaveLength(2);
});

test('a watch that is disposed in a callback is not called any more, and its place is used again', () => {
  using loop = new EpollLoop();
  using first = EventFd.create();
  using second = EventFd.create();
  const seen: number[] = [];
  const watches = [first, second].map(({ number }, index) =>
    loop.watch(number, { readable: true }, () => {
      seen.push(index);
      for (const watch of watches) watch[Symbol.dispose]();
    }),
  );
  first.signal();
  second.signal();
  loop.turn();
  expect(seen).toHaveLength(1);
  using _again = loop.watch(second.number, { readable: true }, () => void seen.push(9));
  loop.turn();
  expect(seen[1]).toBe(9);
});

test('a watch is not told of what it was set not to wait for in the same turn, and of a hang-up in any case', () => {
  using loop = new EpollLoop();
  const pairs = [UnixSocket.pair('first'), UnixSocket.pair('second')] as const;
  using resources = new DisposableStack();
  const calls: number[] = [];
  const watches = pairs.map(([ours, theirs], index) => {
    resources.use(ours);
    resources.use(theirs);
    theirs.send(Uint8Array.of(1));
    const ready = () => {
      calls.push(index);
      for (const watch of watches) watch.set({});
    };
    return resources.use(loop.watch(ours.number, { readable: true }, ready));
  });
  loop.turn();
  expect(calls).toHaveLength(1);
  loop.defer(() => {});
  loop.turn();
  expect(calls).toHaveLength(1);
  for (const [, theirs] of pairs) theirs[Symbol.dispose]();
  loop.turn();
  expect(calls.slice(1).sort()).toEqual([0, 1]);
});

test('a watch for nothing is silent until it is set', () => {
  using loop = new EpollLoop();
  using event = EventFd.create();
  let calls = 0;
  using watch = loop.watch(event.number, {}, () => void calls++);
  event.signal();
  loop.defer(() => {});
  loop.turn();
  expect(calls).toBe(0);
  watch.set({ readable: true });
  loop.turn();
  expect(calls).toBe(1);
});

test('timers fire in their order, never early, and not when cancelled', () => {
  using loop = new EpollLoop();
  const start = loop.nowMs;
  const fired: string[] = [];
  loop.after(6, () => void fired.push('late'));
  loop.after(2, () => void fired.push('early'));
  const cancel = loop.after(1, () => void fired.push('cancelled'));
  cancel();
  while (fired.length < 2) loop.turn();
  expect(fired).toEqual(['early', 'late']);
  expect(loop.nowMs - start).toBeGreaterThanOrEqual(6);
});

test('what is deferred while deferred work is done waits for the next turn', () => {
  using loop = new EpollLoop();
  const seen: number[] = [];
  loop.defer(() => {
    seen.push(1);
    loop.defer(() => void seen.push(2));
  });
  loop.turn();
  expect(seen).toEqual([1]);
  loop.turn();
  expect(seen).toEqual([1, 2]);
});

test('an idle queue is let sleep before the loop is, and woken when there is work', () => {
  using loop = new EpollLoop();
  using event = EventFd.create();
  using _watch = loop.watchSignals(event.number, () => {});
  const seen: string[] = [];
  let work = false;
  const queue = { hasWork: () => work, wake: () => void seen.push('wake'), sleep: () => void seen.push('sleep') };
  event.signal();
  loop.idle(queue);
  loop.turn();
  expect(seen).toEqual(['sleep']);
  loop.idle(queue);
  work = true;
  loop.defer(() => {});
  loop.turn();
  expect(seen).toEqual(['sleep', 'wake']);
});

test('a queue that has work at every look does not keep a descriptor out', () => {
  using loop = new EpollLoop();
  using event = EventFd.create();
  let served = 0;
  let seen = false;
  const queue = {
    hasWork: () => true,
    wake() {
      served++;
      loop.idle(queue);
    },
    sleep: () => loop.idle(queue),
  };
  using _watch = loop.watchSignals(event.number, () => {
    seen = true;
  });
  // The loop learns that it is worth looking.
  loop.idle({ hasWork: () => false, wake() {}, sleep() {} });
  event.signal();
  loop.turn();
  seen = false;
  loop.idle(queue);
  event.signal();
  const startMs = loop.nowMs;
  while (!seen && loop.nowMs - startMs < 1000) loop.turn();
  expect(seen).toBe(true);
  expect(served).toBeGreaterThan(0);
  expect(loop.nowMs - startMs).toBeLessThan(100);
});
