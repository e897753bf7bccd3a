/** The conformance run on back-ends with one flaw each: it names the flaw, and nothing else stops it. */
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { CHECKS, checkBackEnd } from '../../../src/probe/conformance.ts';
import { findingsOf } from '../../../src/probe/findings.ts';
import { inspect } from '../../../src/probe/inspect.ts';
import { startedTarget } from '../../../src/probe/target.ts';
import type { Verdict } from '../../../src/probe/verdict.ts';
import { openFdCount } from '../../support/session-rig.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
const NODE = resolve(ROOT, 'node_modules/.bin/node');
const BACK_END = resolve(ROOT, 'test/support/back-end-process.ts');
const TIMEOUT_MS = 500;
/** Checks before and after the one that finds the flaw. */
const NEIGHBOURS = 4;
/** A hundred connections, and a program that starts anew where it has died. */
const TEST_MS = 60_000;

function check(flaw: string, checks = CHECKS): readonly Verdict[] {
  using target = startedTarget([NODE, BACK_END, '{socket}', flaw], () => {});
  return checkBackEnd(target, inspect(target, 10 * TIMEOUT_MS, undefined), TIMEOUT_MS, () => {}, checks);
}

const failuresOf = (verdicts: readonly Verdict[]) => verdicts.filter(({ outcome }) => outcome === 'fail');

test('the names of checks are all different', () => {
  expect(new Set(CHECKS.map(({ id }) => id)).size).toBe(CHECKS.length);
});

test('a good one passes, and nothing of it is left', { timeout: TEST_MS }, () => {
  const before = openFdCount();
  const verdicts = check('none');
  expect(failuresOf(verdicts)).toEqual([]);
  expect(verdicts).toHaveLength(CHECKS.length);
  expect(verdicts.find(({ id }) => id === 'come-and-go')!.outcome).toBe('pass');
  // Its type cannot be told, so nothing is sent through its rings.
  expect(verdicts.find(({ id }) => id === 'chain-loop-self')!.outcome).toBe('skipped');
  expect(openFdCount()).toBe(before);
});

test.each([
  ['crash', 'message-enable-nonsense', /was ended by SIGSEGV/],
  ['hang', 'message-enable-nonsense', /neither answers GET_FEATURES nor closes the connection within 0.5 s/],
  ['forgetful', 'ring-base', /started at 7 and stops at 0/],
  ['agreeable', 'ack-refuses', /ring 250, which it does not have, is set up/],
])('%s: %s fails, and no other', { timeout: TEST_MS }, (flaw, id, why) => {
  const around = CHECKS.findIndex((check) => check.id === id);
  const verdicts = check(flaw, CHECKS.slice(Math.max(0, around - NEIGHBOURS), around + NEIGHBOURS));
  expect(verdicts.at(-1)!.outcome).not.toBe('skipped');
  expect(failuresOf(verdicts)).toEqual([expect.objectContaining({ id, why: expect.stringMatching(why) })]);
});

test('one that speaks only the legacy interface is told so before anything is tried', { timeout: TEST_MS }, () => {
  using target = startedTarget([NODE, BACK_END, '{socket}', 'legacy'], () => {});
  const findings = findingsOf(inspect(target, 10 * TIMEOUT_MS, undefined));
  expect(findings).toContainEqual({ severity: 'error', text: expect.stringContaining('VIRTIO_F_VERSION_1') });
});
