import { expect, test } from 'vitest';
import { O_RDONLY } from '../../../src/abi/libc.ts';
import { EventFd } from '../../../src/host/eventfd.ts';
import { Fd } from '../../../src/host/fd.ts';
import { duplicate, isPollable, Readiness, waitFor } from '../../../src/host/poll.ts';

test('waitFor: tells readable from writable, and gives up after the timeout', () => {
  using event = EventFd.create();
  expect(waitFor(event.number, 'writable', 0)).toBe(true);
  const startedAt = performance.now();
  expect(waitFor(event.number, 'readable', 30)).toBe(false);
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(29);
  event.signal();
  expect(waitFor(event.number, 'readable', 30)).toBe(true);
});

test('Readiness: can be asked again and again', () => {
  using event = EventFd.create();
  using readiness = new Readiness(event.number, 'readable');
  for (let round = 0; round < 3; round++) {
    expect(readiness.wait(0)).toBe(false);
    event.signal();
    expect(readiness.wait(0)).toBe(true);
    event.take();
  }
});

test('isPollable: files are not, and are always ready; no file at all is an error', () => {
  using nothing = Fd.open('/dev/null', O_RDONLY);
  using event = EventFd.create();
  expect(isPollable(nothing.number)).toBe(false);
  expect(waitFor(nothing.number, 'readable', 1_000)).toBe(true);
  expect(isPollable(event.number)).toBe(true);
  expect(() => isPollable(9_999)).toThrow('Cannot wait for file descriptor 9999: Bad file descriptor (EBADF)');
});

test('duplicate: the same open file under a number of its own', () => {
  using event = EventFd.create();
  using other = duplicate(event.number);
  expect(other.number).not.toBe(event.number);
  event.signal();
  expect(waitFor(other.number, 'readable', 0)).toBe(true);
});
