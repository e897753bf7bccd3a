import { expect, test } from 'vitest';
import { parseConfig } from '../../../src/config/parse.ts';
import { assumedFacts } from '../../../src/machine/assumed-facts.ts';

function factsOf(yaml: string) {
  const resolvePath = (path: string) => `/${path}`;
  return assumedFacts(
    parseConfig(`kernel: Image\n${yaml}\n`, { file: 'vm.yaml', directory: '/', sets: [], resolvePath }),
  );
}

test('assumedFacts: the 17th vCPU begins the next cluster, as KVM numbers them', () => {
  const { mpidrs } = factsOf('cpus: 18');
  expect(mpidrs.slice(14)).toEqual([0x0e, 0x0f, 0x100, 0x101]);
});

test('assumedFacts: GICv3 with ITS unless the config says otherwise', () => {
  expect(factsOf('cpus: 1')).toMatchObject({ gicVersion: 3, hasIts: true, hasPmu: true });
  expect(factsOf('gic: v2')).toMatchObject({ gicVersion: 2, hasIts: false });
  expect(factsOf('its: off\ncpus: { pmu: off }')).toMatchObject({
    gicVersion: 3,
    hasIts: false,
    hasPmu: false,
  });
});

test('assumedFacts: seeds are zeros of the length that Linux takes', () => {
  const { rngSeed, kaslrSeed } = factsOf('cpus: 1');
  expect([rngSeed, kaslrSeed]).toEqual([new Uint8Array(64), new Uint8Array(8)]);
});
