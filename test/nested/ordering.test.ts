/**
 * Memory ordering between a vCPU and a host thread, through src/virtio/ring-access.ts and with plain accesses. Plain store
 * buffering has to fail, which proves that the test sees what it looks for. What only real hardware shows: an emulated Arm
 * host on x86 never reorders two loads or two stores, so message passing without barriers can fail on an Arm board alone.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { host } from '../support/nested-host.ts';
import { payload, rounds } from '../support/vm.ts';
import { bundleFor } from './support/bundle.ts';
import type { Outcome, TestName } from './support/ordering-host.ts';

const ROUNDS = rounds('rounds of each memory ordering test', 1_000_000, 100_000);
/** Where others use the machine the two sides seldom run at once; a quiet one needs a few seconds for a million rounds. */
const SECONDS_MAX = ROUNDS / 1_000;
const STORE_BUFFERING: readonly TestName[] = [
  'store buffering on used.idx and used_event',
  'store buffering on avail_event and avail.idx',
];
const TESTS: readonly TestName[] = ['guest writes', 'host writes', ...STORE_BUFFERING];

const outcomes: Outcome[] = [];
beforeAll(async () => {
  const l1 = await host('smp');
  const program = await bundleFor(l1, 'ordering-host');
  const config = join(l1.directory, 'ordering.yaml');
  await writeFile(config, `memory: 64M\nconsole: none\nkernel: { image: ${payload('ordering').image} }\n`);
  const timeoutMs = (2 * TESTS.length * SECONDS_MAX + 60) * 1000;
  const result = await l1.run(`node ${program} ${config} ${ROUNDS} ${SECONDS_MAX}`, { timeoutMs });
  expect(result).toMatchObject({ exitCode: 0, stderr: '' });
  for (const line of result.stdout.trim().split('\n')) outcomes.push(JSON.parse(line) as Outcome);
  for (const { test, access, rounds, violations, seconds } of outcomes) {
    process.stdout.write(`  ${test}, ${access}: ${violations} violations in ${rounds} rounds, ${seconds} s\n`);
  }
}, 7_200_000);

function outcomeOf(name: TestName, access: Outcome['access']): Outcome {
  return outcomes.find((outcome) => outcome.test === name && outcome.access === access)!;
}

test.each(TESTS)('%s: never out of order through ring-access.ts', (name) => {
  const { violations, rounds } = outcomeOf(name, 'ordered');
  expect(violations).toBe(0);
  expect(rounds).toBeGreaterThanOrEqual(ROUNDS);
});

test.each(STORE_BUFFERING)('%s: out of order with plain accesses, so that this test can fail', (name) => {
  expect(outcomeOf(name, 'plain').violations).toBeGreaterThan(0);
});
