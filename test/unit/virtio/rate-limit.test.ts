import { expect, test } from 'vitest';
import { RateLimit, type RateLimitOptions } from '../../../src/virtio/rate-limit.ts';
import { FakeLoop } from '../../support/fake-loop.ts';
import { random } from '../../support/random.ts';

function setUp(options: Partial<RateLimitOptions>) {
  const loop = new FakeLoop();
  const limit = new RateLimit(loop, {
    bytesPerSecond: 0,
    requestsPerSecond: 0,
    burstBytes: 0,
    burstRequests: 0,
    ...options,
  });
  return { loop, limit };
}

test('RateLimit: without limits everything goes, and nothing waits', () => {
  const { loop, limit } = setUp({});
  for (let count = 0; count < 1000; count++) {
    expect(limit.admits(() => {})).toBe(true);
    limit.spend(1e9);
  }
  expect(loop.pending).toBe(0);
});

test.each([
  { requestsPerSecond: 50 },
  { bytesPerSecond: 5_000 },
  { bytesPerSecond: 333, requestsPerSecond: 1000 },
  { bytesPerSecond: 1_000_000, requestsPerSecond: 7, burstRequests: 3 },
])('RateLimit: %o is kept over ten seconds, whatever the sizes', (options) => {
  const { seed, below } = random();
  const { loop, limit } = setUp(options);
  let [bytes, requests] = [0, 0];
  const serve = () => {
    while (limit.admits(serve)) {
      const size = below(200);
      limit.spend(size);
      bytes += size;
      requests++;
    }
  };
  serve();
  loop.advanceMs(10_000);
  const { bytesPerSecond = Infinity, requestsPerSecond = Infinity } = options as Partial<RateLimitOptions>;
  const reached = Math.max(bytes / bytesPerSecond, requests / requestsPerSecond);
  expect(reached, `seed ${seed}`).toBeGreaterThan(9.9);
  expect(reached, `seed ${seed}`).toBeLessThan(10.8);
});

test('RateLimit: a request larger than the burst goes, and what follows waits for its debt', () => {
  const { loop, limit } = setUp({ bytesPerSecond: 1000, burstBytes: 100 });
  limit.spend(1100);
  let retries = 0;
  expect(limit.admits(() => retries++)).toBe(false);
  expect(limit.admits(() => retries++)).toBe(false);
  loop.advanceMs(999);
  expect(retries).toBe(0);
  loop.advanceMs(2);
  expect(retries).toBe(1);
});

test('RateLimit: after a reset nobody is called', () => {
  const { loop, limit } = setUp({ requestsPerSecond: 1, burstRequests: 1 });
  limit.spend(0);
  limit.admits(() => {
    throw new Error('called');
  });
  limit.reset();
  loop.advanceMs(10_000);
  expect(loop.pending).toBe(0);
});
