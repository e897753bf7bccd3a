import { expect, test } from 'vitest';
import { macAddressOf } from '../../../src/config/mac-address.ts';

test('macAddressOf: one address for one card, of one card, and given locally', () => {
  const addresses = ['a', 'b', 'bench-board'].flatMap((vm) => ['net0', 'net1'].map((name) => macAddressOf(vm, name)));
  expect(new Set(addresses).size).toBe(addresses.length);
  expect(macAddressOf('a', 'net0')).toBe(addresses[0]);
  for (const address of addresses) expect(address).toMatch(/^[0-9a-f][26ae](:[0-9a-f]{2}){5}$/);
});
