import { expect, test } from 'vitest';
import { longestVectorBits } from '../../../src/doctor/kvm-facts.ts';

test.each([
  [[], 0],
  [[0x01], 128],
  [[0x0b], 512],
  [[0x0b, 0x80], 2048],
])('longestVectorBits: %j → %i', (bytes, bits) => {
  const lengths = new Uint8Array(64);
  lengths.set(bytes);
  expect(longestVectorBits(lengths)).toBe(bits);
});
