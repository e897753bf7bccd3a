import { expect, test } from 'vitest';
import { findingLines } from '../../../src/cli/finding-lines.ts';
import type { Finding } from '../../../src/doctor/finding.ts';

const FINDINGS: readonly Finding[] = [
  { id: 'its', title: 'ITS', severity: 'ok', value: 'yes', consequence: 'MSIs' },
  {
    id: 'dev-kvm',
    title: '/dev/kvm',
    severity: 'error',
    value: 'missing',
    consequence: 'no VM can run',
    remedy: 'look for kvm in dmesg',
  },
];

test('findingLines: titles are aligned, what to do stands below', () => {
  expect(findingLines(FINDINGS, { columns: 80, color: false })).toBe(
    [
      'ok    ITS       yes: MSIs',
      'ERROR /dev/kvm  missing: no VM can run',
      '                → look for kvm in dmesg',
      '',
    ].join('\n'),
  );
});

test('findingLines: long text goes on below its beginning, within the columns', () => {
  const lines = findingLines(FINDINGS, { columns: 32, color: false }).split('\n');
  expect(lines).toContain('ERROR /dev/kvm  missing: no VM');
  expect(lines).toContain('                can run');
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(32);
});

test('findingLines: colour is for terminals', () => {
  expect(findingLines(FINDINGS, { columns: 80, color: true })).toContain('\x1b[31mERROR\x1b[0m /dev/kvm');
  expect(findingLines(FINDINGS, { columns: 80, color: false })).not.toContain('\x1b');
});
