import { expect, test } from 'vitest';
import { HostError } from '../../../src/base/errors.ts';
import { NetworkInterface } from '../../../src/host/network-interface.ts';

test('find: the loopback interface is there and up, others are not', () => {
  using loopback = NetworkInterface.find('lo');
  expect(loopback?.isUp).toBe(true);
  expect(loopback?.mtu).toBe(65_536);
  expect(NetworkInterface.find('no-such-if0')).toBeUndefined();
});

test('joinBridge: says which bridge is missing', () => {
  using loopback = NetworkInterface.find('lo');
  expect(() => loopback!.joinBridge('no-such-br0')).toThrow(HostError);
  expect(() => loopback!.joinBridge('no-such-br0')).toThrow(/add the network interface lo to the bridge no-such-br0/);
});
