import { expect, test } from 'vitest';
import { cpuFindings } from '../../../src/doctor/cpu-findings.ts';

test('cpuFindings: equal CPUs are fine', () => {
  expect(cpuFindings({ online: [0, 1], allowed: [0, 1], kinds: new Map([['0x1', [0, 1]]]) })).toMatchObject([
    { id: 'cpu-kinds', severity: 'ok', value: 'all alike' },
  ]);
});

test('cpuFindings: unlike CPUs are a warning that shows how to pin to the larger group', () => {
  const kinds = new Map([
    ['0x00000000410fd034', [0, 1]],
    ['0x00000000410fd092', [2, 3, 4, 5]],
  ]);
  const [finding] = cpuFindings({ online: [0, 1, 2, 3, 4, 5], allowed: [0, 1, 2, 3, 4, 5], kinds });
  expect(finding).toMatchObject({
    severity: 'warning',
    value: 'CPUs 0-1 0x410fd034, CPUs 2-5 0x410fd092',
    remedy: expect.stringContaining('cpus: { count: 4, pin: 2-5 }'),
  });
});

test('cpuFindings: says when this shell may not use all', () => {
  const findings = cpuFindings({ online: [0, 1, 2], allowed: [1], kinds: new Map() });
  expect(findings.find(({ id }) => id === 'cpu-affinity')).toMatchObject({ severity: 'note', value: '1' });
});
