/** The types of back-ends by what they offer: as the programs of Debian 13 do. */
import { expect, test } from 'vitest';
import { configBytes, guessTypes, knownType, PROBED_TYPES } from '../../../src/probe/types.ts';

test.each([
  ['qemu-storage-daemon', 'blk', 0x175007e46n, 0x8f2bn, 1],
  ['passt', 'net', 0x144008000n, 0x8000en, undefined],
])('guessTypes: %s is %s', (_, type, features, protocolFeatures, queueCount) => {
  expect(guessTypes({ features, protocolFeatures, queueCount })).toEqual([type]);
});

test('guessTypes: virtiofsd is one of several, and no disk', () => {
  const guesses = guessTypes({ features: 0x174000000n, protocolFeatures: 0x8a42bn, queueCount: 256 });
  expect(guesses).toContain('fs');
  expect(guesses).not.toContain('blk');
});

test('guessTypes: without features of its own it could be many; with a feature that nobody has, none', () => {
  const plain = { features: 1n << 32n, protocolFeatures: 0n, queueCount: undefined };
  expect(guessTypes(plain)).toEqual(expect.arrayContaining(['fs', 'i2c', 'rng']));
  expect(guessTypes({ ...plain, queueCount: 1 })).not.toContain('fs');
  expect(guessTypes({ ...plain, features: (1n << 32n) | (1n << 59n) })).not.toContain('rng');
});

test('knownType: every type has a profile', () => {
  for (const type of PROBED_TYPES) {
    const { profile } = knownType(type);
    expect(profile.queueSizes.length, type).toBeGreaterThan(0);
    expect(configBytes(profile), type).toBeLessThanOrEqual(256);
  }
});
