import { expect, test } from 'vitest';
import { parseConfig } from '../../../../src/config/parse.ts';
import { create } from '../../../../src/io/devices/net.ts';
import { FakeLoop } from '../../../support/fake-loop.ts';
import { GuestRam } from '../../../support/guest-ram.ts';

const WORLD = { name: 'net0', loop: new FakeLoop(), memory: new GuestRam().memory, log: () => {} };

function keysOf(words: string) {
  const text = `name: a\nkernel: Image\ndevices: { net0: { type: net, ${words} } }`;
  const config = parseConfig(text, { file: 'a.yaml', directory: '/', resolvePath: (path) => path });
  const device = config.devices['net0']!;
  if (device.type !== 'net' || 'backend' in device) throw new Error('The config has no network card');
  return device;
}

test.each([
  ['queues: 2', 'queues', 'The user-mode network has one pair of queues'],
  ['bridge: br0', 'bridge', 'The user-mode network joins no bridge'],
  ['network: tap, forward: [tcp:8022:22]', 'forward', 'A tap forwards no ports'],
  ['network: "fd:5,6"', 'network', 'File descriptors: 2, queues: 1'],
  ['network: "fd:5", bridge: br0', 'bridge', 'Only a tap that is made now can join a bridge'],
])('create: %s is refused where it stands', async (words, key, why) => {
  const creation = Promise.resolve().then(() => create(keysOf(words), WORLD));
  await expect(creation).rejects.toMatchObject({ name: 'ConfigError', keyPath: `devices.net0.${key}` });
  await expect(creation).rejects.toThrow(why);
});

test('a card without an address gets one of its own, from the names of VM and device', () => {
  expect(keysOf('network: user').mac).toBe(keysOf('network: tap').mac);
  expect(keysOf('mac: "52:54:00:12:34:56"').mac).toBe('52:54:00:12:34:56');
});
