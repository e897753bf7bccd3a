import { expect, test } from 'vitest';
import type { KvmFacts } from '../../../src/doctor/kvm-facts.ts';
import { kvmFindings } from '../../../src/doctor/kvm-findings.ts';

/** What QEMU's `max` CPU on a Linux 6.12 host has. */
const FACTS: KvmFacts = {
  ipaBitsMax: 48,
  gicV3: true,
  gicV2: false,
  its: true,
  forcesWriteBack: true,
  readOnlySlots: true,
  features: { sve: true, pauth: true, pmu: true, mte: false, stolenTime: true },
  sveBitsMax: 2048,
  nested: false,
  counterOffset: true,
  cpuCountMax: 512,
  cpuCountRecommended: 4,
  coalescedMmio: true,
  ioeventfd: true,
  irqfd: true,
};

function find(id: string, changed: Partial<KvmFacts> = {}) {
  return kvmFindings({ ...FACTS, ...changed }).find((finding) => finding.id === id);
}

test('kvmFindings: a capable host has neither warnings nor errors', () => {
  const severities = new Set(kvmFindings(FACTS).map(({ severity }) => severity));
  expect([...severities].sort()).toEqual(['note', 'ok']);
});

test('kvmFindings: without GICv3 guests get a GICv2; without both none can run', () => {
  const pi = { gicV3: false, gicV2: true, its: false };
  expect(find('gic-v3', pi)).toMatchObject({ severity: 'note', consequence: expect.stringContaining('at most 8') });
  expect(find('its', pi)?.consequence).toContain('on GICv2 only');
  expect(find('gic-v3', { gicV3: false, gicV2: false })?.severity).toBe('error');
});

test('kvmFindings: register pages need read-only slots, and are better with FEAT_S2FWB', () => {
  expect([find('fwb')?.value, find('read-only-slots')?.value]).toEqual(['yes', 'yes']);
  expect(find('fwb', { forcesWriteBack: false })).toMatchObject({
    value: 'no',
    consequence: expect.stringContaining('strict'),
  });
  expect(find('read-only-slots', { readOnlySlots: false })?.value).toBe('no');
});

test('kvmFindings: says how long vectors are', () => {
  expect(find('sve')?.value).toBe('up to 2048 bits');
  expect(find('sve', { features: { ...FACTS.features, sve: false } })?.value).toBe('no');
});

test('kvmFindings: no coalesced MMIO is an error, a missing counter offset only a note with its remedy', () => {
  expect(find('coalesced-mmio', { coalescedMmio: false })?.severity).toBe('error');
  expect(find('counter-offset', { counterOffset: false })).toMatchObject({
    severity: 'note',
    remedy: 'use Linux 6.4 or newer',
  });
});
