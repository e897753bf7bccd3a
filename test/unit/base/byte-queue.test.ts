import { expect, test } from 'vitest';
import { ByteQueue } from '../../../src/base/byte-queue.ts';
import { KiB } from '../../../src/base/units.ts';
import { random } from '../../support/random.ts';

const countUp = (first: number, count: number) => Uint8Array.from({ length: count }, (_, index) => first + index);

test('push: takes what fits and says how much', () => {
  const queue = new ByteQueue(10);
  expect(queue.push(countUp(0, 0))).toBe(0);
  expect(queue.push(countUp(0, 9))).toBe(9);
  expect(queue.push(countUp(9, 2))).toBe(1);
  expect(queue.push(countUp(0, 1))).toBe(0);
  expect(queue.toBytes()).toEqual(countUp(0, 10));
});

test('peek, drop: the oldest bytes come first, also around the end of the ring', () => {
  const queue = new ByteQueue(8);
  queue.push(countUp(0, 8));
  queue.drop(6);
  queue.push(countUp(8, 5));
  expect(queue.length).toBe(7);
  expect([...queue.peek()]).toEqual([6, 7]);
  expect(queue.toBytes()).toEqual(countUp(6, 7));
  queue.drop(2);
  expect(queue.peek()).toEqual(countUp(8, 5));
  queue.clear();
  expect(queue.peek().length).toBe(0);
});

test('pushOver: keeps the last bytes', () => {
  const queue = new ByteQueue(8);
  queue.pushOver(countUp(0, 5));
  queue.pushOver(countUp(5, 5));
  expect(queue.toBytes()).toEqual(countUp(2, 8));
  queue.pushOver(countUp(100, 20));
  expect(queue.toBytes()).toEqual(countUp(112, 8));
});

test('any order of pushes and drops gives the bytes back in order', () => {
  const numbers = random();
  const queue = new ByteQueue(64 * KiB);
  let pushed = 0;
  let dropped = 0;
  const wrong = 0;
  for (let round = 0; round < 300; round++) {
    pushed += queue.push(Uint8Array.from({ length: numbers.below(9_000) }, (_, index) => pushed + index));
    const front = queue.peek();
    for (let index = 0; index < front.length; index += 97)
      expect(front[index], `seed ${numbers.seed}`).toBe((dropped + index) & 0xff);
    const count = numbers.below(front.length + 1);
    queue.drop(count);
    dropped += count;
    expect(queue.length, `seed ${numbers.seed}`).toBe(pushed - dropped);
  }
  expect(wrong, `seed ${numbers.seed}`).toBe(0);
});
