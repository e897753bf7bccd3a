/** What network cards of guests can be connected to on this host. None of it is needed without one. */
import { join } from 'node:path';
import type { HostFiles } from '../host/host-files.ts';
import type { Finding } from './finding.ts';

/** `path`: where programs are looked for. */
export function networkFindings(files: HostFiles, path = process.env['PATH'] ?? ''): readonly Finding[] {
  const isInstalled = path.split(':').some((folder) => files.names(join('/', folder)).includes('passt'));
  return [
    passtFinding(isInstalled),
    tunFinding(files),
    vhostFinding(files),
    ...(isInstalled ? [pingFinding(files)] : []),
  ];
}

function passtFinding(isInstalled: boolean): Finding {
  const about = { id: 'passt', title: 'passt' };
  if (isInstalled) return { ...about, severity: 'ok', value: 'installed', consequence: 'network: user works' };
  return {
    ...about,
    severity: 'note',
    value: 'not installed',
    consequence: 'network cards need a tap: network: user does not work',
    remedy: 'install it (Debian: passt)',
  };
}

function tunFinding(files: HostFiles): Finding {
  const about = { id: 'tun', title: 'Taps' };
  if (files.names('/dev/net').includes('tun')) {
    return {
      ...about,
      severity: 'ok',
      value: '/dev/net/tun',
      consequence: 'network: tap works, for root and for the owners of taps',
    };
  }
  return {
    ...about,
    severity: 'note',
    value: 'no /dev/net/tun',
    consequence: 'network: tap does not work',
    remedy: 'modprobe tun',
  };
}

/** /dev/vhost-net is there before its module is loaded: opening it loads that. */
function vhostFinding(files: HostFiles): Finding {
  const about = { id: 'vhost-net', title: 'vhost-net' };
  if (files.names('/dev').includes('vhost-net')) {
    return {
      ...about,
      severity: 'ok',
      value: '/dev/vhost-net',
      consequence: 'the kernel can serve network cards on taps, for whoever may open it',
    };
  }
  return {
    ...about,
    severity: 'note',
    value: 'no /dev/vhost-net',
    consequence: 'frames of network cards on taps pass through orko-vmm, which takes more CPU time',
    remedy: 'modprobe vhost_net',
  };
}

/** icmp(7): an empty range, "1 0", is the kernel's default; passt pings through such sockets. */
function pingFinding(files: HostFiles): Finding {
  const [first = 1, last = 0] = (files.text('/proc/sys/net/ipv4/ping_group_range') ?? '').split(/\s+/).map(Number);
  const about = { id: 'ping', title: 'Pings' };
  if (first <= last) {
    return {
      ...about,
      severity: 'ok',
      value: `groups ${first}–${last}`,
      consequence: 'guests on network: user can ping',
    };
  }
  return {
    ...about,
    severity: 'note',
    value: 'for no group',
    consequence: 'guests on network: user cannot ping the world outside',
    remedy: 'sysctl net.ipv4.ping_group_range="0 2147483647"',
  };
}
