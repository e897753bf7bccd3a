/** Finds or makes the TAP interface that a config names, for root and for users who may only use what is theirs. */
import { EINVAL } from '../abi/errno.ts';
import { ConfigError, HostError } from '../base/errors.ts';
import type { Remedies } from '../host/errno.ts';
import { Fd } from '../host/fd.ts';
import { NetworkInterface } from '../host/network-interface.ts';
import { describeTap, openTap } from '../host/tap-file.ts';
import type { DeviceWorld } from '../virtio/device.ts';
import { Tap } from './tap.ts';
import { VhostNet } from './vhost-net.ts';

/** What needs not be said to a guest. */
const USUAL_MTU = 1500;

export interface TapKeys {
  /** `tap`, `tap:NAME`, `fd:NUMBER` or `fd:NUMBER,NUMBER,…`. */
  readonly network: string;
  /** Pairs of queues that the card shall have. */
  readonly queues: number;
  readonly offloads: boolean;
  readonly mtu: number | undefined;
  readonly bridge: string | undefined;
  readonly vhost: 'auto' | 'on' | 'off';
}

export interface OpenedTap {
  readonly tap: Tap;
  /** What the guest should be told. */
  readonly mtu: number | undefined;
}

/** `keyPath`: where the device stands in the config. */
export function openNetworkTap(
  keys: TapKeys,
  keyPath: string,
  { log, memory }: Pick<DeviceWorld, 'log' | 'memory'>,
): OpenedTap {
  using opening = new DisposableStack();
  const complain = (key: string, message: string) => new ConfigError(message, { keyPath: `${keyPath}.${key}` });
  const [kind, name = ''] = keys.network.split(':');
  const isNew = kind === 'tap' && !exists(name);
  if (!isNew && keys.bridge !== undefined) {
    throw complain('bridge', 'Only a tap that is made now can join a bridge: let who made this one do it');
  }
  const fds =
    kind === 'fd' ? givenQueues(name.split(',').map(Number), keys.queues, complain) : openQueues(name, keys.queues);
  for (const fd of fds) opening.use(fd);
  const facts = describeTap(fds[0]!);
  if (!facts.isTap) throw complain('network', `${facts.name} is a tun, which carries no Ethernet frames: use a tap`);
  if (isNew) log(`The network is the new tap ${facts.name}, which is gone when the VM is`);
  const mtu = settle(facts.name, isNew, keys, log);
  const { hasHeaders } = facts;
  if (keys.vhost === 'on' && !hasHeaders) {
    throw complain('vhost', 'The kernel serves only taps with headers (IFF_VNET_HDR), which this one has not');
  }
  const kernel = (fd: Fd) => {
    const vhost = new VhostNet(memory, fd.number);
    if (keys.vhost === 'on') vhost.open();
    return vhost;
  };
  const options = { fds, hasHeaders, offloads: keys.offloads };
  const tap = opening.use(new Tap(keys.vhost !== 'off' && hasHeaders ? { ...options, kernel } : options));
  opening.move();
  return { tap, mtu };
}

function exists(name: string): boolean {
  using found = name === '' ? undefined : NetworkInterface.find(name);
  return found !== undefined;
}

/** All queues of one interface: it was made for one, or for many. */
function openQueues(name: string, count: number): Fd[] {
  using opening = new DisposableStack();
  const made = `ip tuntap add mode tap${count > 1 ? ' multi_queue' : ''} user $USER name ${name || 'tap0'}`;
  const remedies: Remedies = {
    EPERM: `let root make it for you, "${made}", and write network: tap:${name || 'tap0'}; or write network: user`,
    EBUSY: 'another VM uses it, or it has no more queues',
    EINVAL: `it was not made for several queues: make it again, "${made}"`,
  };
  const fds = [opening.use(openFirst(name, count > 1, remedies))];
  const actual = describeTap(fds[0]!).name;
  while (fds.length < count) fds.push(opening.use(openTap(actual, true, remedies)));
  opening.move();
  return fds;
}

/** An interface that was made for many queues has to be opened as such, even for one. */
function openFirst(name: string, isMulti: boolean, remedies: Remedies): Fd {
  try {
    return openTap(name, isMulti, remedies);
  } catch (error) {
    if (isMulti || !(error instanceof HostError) || error.errno !== EINVAL) throw error;
    return openTap(name, true, remedies);
  }
}

/** Those that whoever started us has opened. */
function givenQueues(
  numbers: readonly number[],
  count: number,
  complain: (key: string, message: string) => Error,
): Fd[] {
  if (numbers.length !== count) {
    throw complain('network', `File descriptors: ${numbers.length}, queues: ${count}: name one for each queue`);
  }
  return numbers.map((number) => {
    const fd = new Fd(number);
    fd.setBlocking(false);
    return fd;
  });
}

/** Makes a new interface ready for use; returns the MTU that the guest should know of. */
function settle(name: string, isNew: boolean, keys: TapKeys, log: (message: string) => void): number | undefined {
  // A file descriptor may be that of an interface in another network namespace.
  using tap = NetworkInterface.find(name);
  if (tap === undefined) return keys.mtu;
  if (isNew) {
    if (keys.mtu !== undefined) tap.setMtu(keys.mtu);
    if (keys.bridge !== undefined) tap.joinBridge(keys.bridge);
    tap.bringUp();
  } else if (!tap.isUp) log(`The tap ${name} is down, and what the guest sends is lost: "ip link set ${name} up"`);
  return keys.mtu ?? (tap.mtu === USUAL_MTU ? undefined : tap.mtu);
}
