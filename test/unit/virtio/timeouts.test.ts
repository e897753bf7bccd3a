import { beforeEach, expect, test } from 'vitest';
import { Timeouts } from '../../../src/virtio/timeouts.ts';
import { FakeLoop } from '../../support/fake-loop.ts';

let loop: FakeLoop;
let fired: string[];
let timeouts: Timeouts<string>;
beforeEach(() => {
  loop = new FakeLoop();
  fired = [];
  timeouts = new Timeouts(loop, 100, (item) => void fired.push(item));
});

test('add: each is due after its own time, with one timer for all', () => {
  timeouts.add('a');
  loop.advanceMs(40);
  timeouts.add('b');
  timeouts.add('c');
  expect(loop.pending).toBe(1);
  loop.advanceMs(59);
  expect(fired).toEqual([]);
  loop.advanceMs(1);
  expect(fired).toEqual(['a']);
  loop.advanceMs(40);
  expect(fired).toEqual(['a', 'b', 'c']);
  expect(loop.pending).toBe(0);
});

test('add: again means later', () => {
  timeouts.add('a');
  timeouts.add('b');
  loop.advanceMs(50);
  timeouts.add('a');
  loop.advanceMs(50);
  expect(fired).toEqual(['b']);
  loop.advanceMs(50);
  expect(fired).toEqual(['b', 'a']);
});

test('delete: it is not due any more, and nothing waits for nothing', () => {
  timeouts.add('a');
  timeouts.add('b');
  timeouts.delete('a');
  timeouts.delete('z');
  expect(loop.pending).toBe(1);
  timeouts.delete('b');
  expect(loop.pending).toBe(0);
  loop.advanceMs(200);
  expect(fired).toEqual([]);
});

test('what is due may delete and add others', () => {
  const log: string[] = [];
  const again: Timeouts<string> = new Timeouts(loop, 100, (item) => {
    log.push(item);
    if (item === 'a') again.delete('b');
    if (log.length < 3) again.add('a');
  });
  again.add('a');
  again.add('b');
  loop.advanceMs(350);
  expect(log).toEqual(['a', 'a', 'a']);
});

test('clear: nothing is due', () => {
  timeouts.add('a');
  timeouts.clear();
  loop.advanceMs(200);
  expect(fired).toEqual([]);
});
