import { expect, test } from 'vitest';
import { parseConfig } from '../../../src/config/parse.ts';
import { checkPins } from '../../../src/doctor/check-pins.ts';
import { Problems } from '../../../src/doctor/problems.ts';
import type { HostCpus } from '../../../src/host/cpus.ts';

const BIG_LITTLE: HostCpus = {
  online: [0, 1, 2, 3],
  allowed: [0, 1, 2],
  kinds: new Map([
    ['0x410fd034', [0, 1]],
    ['0x410fd092', [2, 3]],
  ]),
};

function problemsOf(cpus: string, host = BIG_LITTLE): string[] {
  const config = parseConfig(`kernel: Image\ncpus: ${cpus}\n`, {
    file: 'vm.yaml',
    directory: '/',
    sets: [],
    resolvePath: (path) => `/${path}`,
  });
  const problems = new Problems(config);
  checkPins(config, host, problems);
  return problems.found.map(({ severity, error }) => `${severity}: ${error.message}`);
}

test('checkPins: CPUs of one kind that we may use are fine', () => {
  expect(problemsOf('{ count: 2, pin: 0-1 }')).toEqual([]);
});

test('checkPins: names each CPU that is not there or not ours', () => {
  expect(problemsOf('{ count: 2, pin: [7, 3] }')).toEqual([
    "error: Cannot pin a vCPU to CPU 7: this host's CPUs are 0-3: choose among them",
    'error: Cannot pin a vCPU to CPU 3: this process may use CPUs 0-2 only: choose among them, or see taskset',
  ]);
});

test('checkPins: warns of unlike kinds, pinned or not', () => {
  expect(problemsOf('{ count: 2, pin: [1, 2] }')).toEqual([
    'warning: The vCPUs are pinned to CPUs of unlike kinds (0-1 and 2-3): choose CPUs of one kind',
  ]);
  expect(problemsOf('2')).toEqual([expect.stringMatching(/^warning: The host's CPUs are of unlike kinds/)]);
  expect(problemsOf('2', { ...BIG_LITTLE, kinds: new Map([['0x1', [0, 1, 2, 3]]]) })).toEqual([]);
});
