import { expect, test } from 'vitest';
import { columns, formatDuration, statusLines } from '../../../src/cli/machine-lines.ts';

test.each([
  [0, '0 s'],
  [999, '0 s'],
  [59_999, '59 s'],
  [60_000, '1 min'],
  [61_000, '1 min 1 s'],
  [3_600_000, '1 h'],
  [3_723_000, '1 h 2 min'],
  [3_601_000, '1 h'],
  [90_000_000, '1 d 1 h'],
])('formatDuration: %i ms is %s', (durationMs, text) => {
  expect(formatDuration(durationMs)).toBe(text);
});

test('columns: are as wide as their widest cell, without blanks at the end', () => {
  expect(
    columns([
      ['NAME', 'STATE'],
      ['a-long-name', 'x'],
    ]),
  ).toBe('NAME         STATE\na-long-name  x\n');
});

test('statusLines: leave out what is not known', () => {
  const status = {
    protocol: 1,
    name: 'board',
    pid: 7,
    state: 'running',
    cpus: 2,
    memoryBytes: 2 ** 29,
    uptimeMs: 5000,
    boots: 1,
  } as const;
  expect(statusLines({ ...status, console: 'stdio' })).toBe(
    'name: board\nstate: running\nvCPUs: 2\nmemory: 512 MiB\nup: 5 s\nboots: 1\npid: 7\nconsole: stdio\n',
  );
});
