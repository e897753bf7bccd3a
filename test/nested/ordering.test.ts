/**
 * Memory ordering between a vCPU and a host thread, through src/virtio/ring-access.ts and with plain accesses. What only
 * real hardware shows: an emulated Arm host on x86 never reorders two loads or two stores, so that message passing
 * without barriers can fail on an Arm board alone. Plain store buffering needs both sides within nanoseconds of each other:
 * some hundred thousand rounds on a busy machine did not show it, so only the full number has to.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { host, type NestedHost } from '../support/nested-host.ts';
import { bundleFor } from './support/bundle.ts';
import type { Outcome, TestName } from './support/ordering-host.ts';

/** Set for the full number, however long it takes; otherwise a test is cut after some seconds. */
const SOAK = process.env['ORKO_SOAK'] === '1';
const ROUNDS = 1_000_000;
const SECONDS = SOAK ? 3_600 : 8;
const TESTS: readonly TestName[] = ['guest writes', 'host writes', 'store buffering'];

let l1: NestedHost;
const outcomes: Outcome[] = [];
beforeAll(async () => {
  l1 = await host('main');
  const program = await bundleFor(l1, 'ordering-host');
  const config = join(l1.directory, 'ordering.yaml');
  const image = join(import.meta.dirname, '../../out/guests/ordering.bin');
  await writeFile(config, `memory: 64M\nconsole: none\nkernel: { image: ${image} }\n`);
  const timeoutMs = (SOAK ? 6 : 1) * SECONDS * 1000 + 280_000;
  const result = await l1.run(`node ${program} ${config} ${ROUNDS} ${SECONDS}`, { timeoutMs });
  expect(result).toMatchObject({ exitCode: 0, stderr: '' });
  for (const line of result.stdout.trim().split('\n')) outcomes.push(JSON.parse(line) as Outcome);
  for (const { test, access, rounds, violations } of outcomes) {
    process.stdout.write(`ordering: ${test}, ${access}: ${violations} of ${rounds} rounds\n`);
  }
}, 7_200_000);

function outcomeOf(name: TestName, access: Outcome['access']): Outcome {
  return outcomes.find((outcome) => outcome.test === name && outcome.access === access)!;
}

test.each(TESTS)('%s: never out of order through ring-access.ts', (name) => {
  const { violations, rounds } = outcomeOf(name, 'ordered');
  expect(violations).toBe(0);
  expect(rounds).toBeGreaterThanOrEqual(SOAK ? ROUNDS : 1);
});

test.skipIf(!SOAK)('store buffering: out of order with plain accesses, so that this test can fail', () => {
  expect(outcomeOf('store buffering', 'plain').violations).toBeGreaterThan(0);
});
