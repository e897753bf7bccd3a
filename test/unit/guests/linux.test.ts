import { expect, test } from 'vitest';
import { missingLines } from '../../../guests/linux.ts';

const CONFIG = 'CONFIG_SMP=y\n# CONFIG_VT is not set\nCONFIG_NR_CPUS=32\nCONFIG_MODULES=y\n';

test('missingLines: a fragment that was taken whole misses nothing', () => {
  const fragment =
    '# a comment\n\nCONFIG_SMP=y\nCONFIG_NR_CPUS=32\n# CONFIG_VT is not set\n# CONFIG_ABSENT is not set\n';
  expect(missingLines(fragment, CONFIG)).toEqual([]);
});

test('missingLines: names what is absent, what has another value and what should be off', () => {
  const fragment = 'CONFIG_SMPX=y\nCONFIG_NR_CPUS=3\n# CONFIG_MODULES is not set\nCONFIG_SMP=y\n';
  expect(missingLines(fragment, CONFIG)).toEqual(['CONFIG_SMPX=y', 'CONFIG_NR_CPUS=3', '# CONFIG_MODULES is not set']);
});
