import { expect, test } from 'vitest';
import {
  architectureFinding,
  cLibraryFinding,
  dtcFinding,
  nodeFinding,
  softwareFindings,
} from '../../../src/doctor/software-findings.ts';

test('architectureFinding: only arm64 runs guests; others are told of the nested machine', () => {
  expect(architectureFinding('arm64').severity).toBe('ok');
  expect(architectureFinding('x64')).toMatchObject({
    severity: 'error',
    remedy: expect.stringContaining('orko-vmm nested CONFIG'),
  });
});

test('nodeFinding: Node 24 is the first that serves', () => {
  expect(nodeFinding('23.11.1').severity).toBe('error');
  expect(nodeFinding('24.0.0').severity).toBe('ok');
});

test('cLibraryFinding: a system without glibc is named', () => {
  expect(cLibraryFinding(undefined)).toMatchObject({
    severity: 'error',
    consequence: expect.stringContaining('makecontext'),
  });
  expect(cLibraryFinding('2.36')).toMatchObject({ severity: 'ok', value: 'glibc 2.36' });
});

test('dtcFinding: without dtc only .dts overlays are lost', () => {
  expect(dtcFinding(undefined)).toMatchObject({ severity: 'note', consequence: expect.stringContaining('.dts') });
});

test('softwareFindings: this machine runs the tests, so Node, koffi and the C library serve', async () => {
  const findings = await softwareFindings();
  const severity = (id: string) => findings.find((finding) => finding.id === id)?.severity;
  expect([severity('node'), severity('koffi'), severity('c-library')]).toEqual(['ok', 'ok', 'ok']);
});
