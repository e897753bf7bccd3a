import { expect, test } from 'vitest';
import { networkFindings } from '../../../src/doctor/network-findings.ts';
import { hostTree } from './host-tree.ts';

const EVERYTHING = {
  '/usr/bin/passt': '',
  '/dev/net/tun': '',
  '/dev/vhost-net': '',
  '/proc/sys/net/ipv4/ping_group_range': '0\t2147483647',
};

function find(files: Readonly<Record<string, string>>, id: string) {
  return networkFindings(hostTree(files), '/usr/sbin:/usr/bin').find((finding) => finding.id === id);
}

test('networkFindings: a host with everything', () => {
  for (const id of ['passt', 'tun', 'vhost-net', 'ping']) expect(find(EVERYTHING, id)?.severity).toBe('ok');
});

test('networkFindings: nothing of it is needed, and each note says what helps', () => {
  expect(find({}, 'passt')).toMatchObject({ severity: 'note', remedy: 'install it (Debian: passt)' });
  expect(find({}, 'tun')).toMatchObject({ severity: 'note', remedy: 'modprobe tun' });
  expect(find({}, 'vhost-net')).toMatchObject({ severity: 'note', remedy: 'modprobe vhost_net' });
  expect(find({}, 'ping')).toBeUndefined();
  const none = { ...EVERYTHING, '/proc/sys/net/ipv4/ping_group_range': '1\t0' };
  expect(find(none, 'ping')).toMatchObject({ severity: 'note', value: 'for no group' });
});
