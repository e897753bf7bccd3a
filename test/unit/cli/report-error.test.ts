import { expect, test } from 'vitest';
import { ConfigError, HostError } from '../../../src/base/errors.ts';
import { reportError } from '../../../src/cli/report-error.ts';
import { UsageError } from '../../../src/cli/usage-error.ts';

const report = (error: unknown) => reportError(error, { stack: false });

test.each([
  [new ConfigError('Bad', { keyPath: 'cpus.count', file: 'vm.yaml', line: 3 }), 'orko-vmm: vm.yaml:3: cpus.count: Bad'],
  [new ConfigError('Bad', { file: 'vm.yaml' }), 'orko-vmm: vm.yaml: Bad'],
  [new ConfigError('Bad', { keyPath: 'gic', file: '--set' }), 'orko-vmm: --set gic: Bad'],
  [new ConfigError('Bad', { keyPath: 'gic' }), 'orko-vmm: gic: Bad'],
  [new ConfigError('Bad'), 'orko-vmm: Bad'],
])('reportError: a ConfigError says where it stands', (error, text) => {
  expect(report(error)).toEqual({ text, code: 65 });
});

test('reportError: a HostError is one sentence', () => {
  expect(report(new HostError('Cannot open /dev/kvm'))).toEqual({ text: 'orko-vmm: Cannot open /dev/kvm', code: 69 });
});

test('reportError: a UsageError names the help to read', () => {
  expect(report(new UsageError('No', 'run'))).toEqual({
    text: 'orko-vmm: No\nRun `orko-vmm run --help` for the ways to write it',
    code: 64,
  });
});

test('reportError: anything else is our bug, with the stack only when asked for', () => {
  const error = new TypeError('x is undefined');

  expect(report(error)).toEqual({
    text: 'orko-vmm: This is a bug in orko-vmm: x is undefined: run the command again with ORKO_DEBUG=1 and report what it prints',
    code: 70,
  });
  expect(reportError(error, { stack: true }).text).toContain(error.stack);
  expect(report('thrown text').text).toContain('thrown text');
});
