import { expect, test } from 'vitest';
import { IdleQueues, LOOK_MS_MAX } from '../../../src/io/idle-queues.ts';

const QUEUE = { hasWork: () => false, wake() {}, sleep() {} };

/** How long a look lasts on a clock that goes on 10 µs with each question. */
function lookMs(queues: IdleQueues, startMs: number): number {
  let nowMs = startMs;
  queues.add(QUEUE);
  queues.look(
    () => (nowMs += 0.01),
    Number.POSITIVE_INFINITY,
    () => false,
  );
  queues.sleep();
  return nowMs - startMs;
}

test('it looks as long as it takes to catch what comes soon, and not at all when that is too long', () => {
  const queues = new IdleQueues();
  expect(lookMs(queues, 0)).toBeLessThan(0.02);
  queues.learn(0.06);
  expect(lookMs(queues, 1)).toBeGreaterThan(0.06);
  queues.learn(1.06);
  expect(lookMs(queues, 2)).toBeLessThanOrEqual(LOOK_MS_MAX + 0.02);
  for (let second = 3; second < 12; second++) {
    queues.learn(second);
    lookMs(queues, second);
  }
  expect(lookMs(queues, 20)).toBeLessThan(0.02);
});

test('when somebody else had the CPU it does not look for a while', () => {
  const queues = new IdleQueues();
  lookMs(queues, 0);
  queues.learn(0.1);
  queues.add(QUEUE);
  let nowMs = 1;
  const steps = [0, 5, 5];
  queues.look(
    () => (nowMs += steps.shift() ?? 0.01),
    Number.POSITIVE_INFINITY,
    () => false,
  );
  queues.sleep();
  queues.learn(nowMs + 0.1);
  expect(lookMs(queues, nowMs + 1)).toBeLessThan(0.02);
  queues.learn(nowMs + 1.1);
  expect(lookMs(queues, nowMs + 50)).toBeGreaterThan(0.1);
});

test('a look ends at once when there is work, or when the loop is wanted', () => {
  const queues = new IdleQueues();
  lookMs(queues, 0);
  queues.learn(0.1);
  let looks = 0;
  queues.add({ ...QUEUE, hasWork: () => ++looks > 5 });
  const clock = { nowMs: 1 };
  const tick = () => (clock.nowMs += 0.01);
  expect(queues.look(tick, Number.POSITIVE_INFINITY, () => false)).toBe(true);
  expect(looks).toBe(6);
  expect(queues.wake()).toBe(true);
  expect(queues.isEmpty).toBe(true);
  queues.add(QUEUE);
  expect(queues.look(tick, Number.POSITIVE_INFINITY, () => true)).toBe(true);
});
