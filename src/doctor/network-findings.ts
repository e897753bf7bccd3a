/** What network cards of guests can be connected to on this host. None of it is needed without one. */
import { basename, dirname, join } from 'node:path';
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
  return nodeFinding(files, '/dev/net/tun', {
    ...{ id: 'tun', title: 'Taps', remedy: 'modprobe tun' },
    there: 'network: tap works, for root and for the owners of taps',
    missing: 'network: tap does not work',
  });
}

/** Udev makes it before its module is loaded: opening it loads that. */
function vhostFinding(files: HostFiles): Finding {
  return nodeFinding(files, '/dev/vhost-net', {
    ...{ id: 'vhost-net', title: 'vhost-net', remedy: 'modprobe vhost_net' },
    there: 'vhost: on works for cards on taps, for whoever may open it',
    missing: 'vhost: on does not work, and vhost: auto is vhost: off',
  });
}

interface NodeWords extends Pick<Finding, 'id' | 'title'> {
  readonly remedy: string;
  /** What follows from its being there, and from its not being there. */
  readonly there: string;
  readonly missing: string;
}

function nodeFinding(files: HostFiles, node: string, { id, title, remedy, there, missing }: NodeWords): Finding {
  return files.names(dirname(node)).includes(basename(node))
    ? { id, title, severity: 'ok', value: node, consequence: there }
    : { id, title, severity: 'note', value: `no ${node}`, consequence: missing, remedy };
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
