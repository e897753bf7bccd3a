/** `type: net`: virtio-net on a tap, or on the user-mode network. */
import { openNetworkTap } from '../../backends/open-tap.ts';
import { Passt } from '../../backends/passt.ts';
import { assert } from '../../base/assert.ts';
import { ConfigError } from '../../base/errors.ts';
import type { DeviceKeys } from '../../config/device-types.ts';
import type { Network } from '../../devices/network.ts';
import { VirtioNet } from '../../devices/virtio-net.ts';
import type { DeviceWorld } from '../../virtio/device.ts';
import { RateLimit } from '../../virtio/rate-limit.ts';

/** The longest packet that passt takes, in whole IPv4 words (passt(1), --mtu). */
const USER_MTU = 65_520;

type Keys = DeviceKeys<'net'>;

export async function create(keys: Keys, world: DeviceWorld): Promise<VirtioNet> {
  const keyPath = `devices.${world.name}`;
  const { network, mtu } =
    keys.network === 'user' ? await openUser(keys, keyPath, world) : openTap(keys, keyPath, world);
  const { queueSize, speed, rateLimit, mac } = keys;
  assert(mac !== undefined, 'a card has an address once its config was interpreted');
  const options = {
    mac: Uint8Array.from(mac.split(':'), (byte) => Number.parseInt(byte, 16)),
    mtu,
    speed,
    queueSize,
    linkUp: keys.link === 'up',
    limit: () => new RateLimit(world.loop, rateLimit),
  };
  return new VirtioNet(network, options, world);
}

interface Opened {
  readonly network: Network;
  /** What the guest is told. */
  readonly mtu: number | undefined;
}

async function openUser(keys: Keys, keyPath: string, world: DeviceWorld): Promise<Opened> {
  if (keys.queues > 1) throw misplaced(`${keyPath}.queues`, 'The user-mode network has one pair of queues', 'tap');
  if (keys.bridge) throw misplaced(`${keyPath}.bridge`, 'The user-mode network joins no bridge', 'tap');
  if (keys.vhost === 'on') throw misplaced(`${keyPath}.vhost`, 'The kernel serves no user-mode network', 'tap');
  const { forward, mtu = USER_MTU } = keys;
  return { network: await Passt.start({ forward, mtu: Math.min(mtu, USER_MTU) }, world), mtu: Math.min(mtu, USER_MTU) };
}

function openTap(keys: Keys, keyPath: string, world: DeviceWorld): Opened {
  if (keys.forward.length > 0) throw misplaced(`${keyPath}.forward`, 'A tap forwards no ports', 'user');
  const obstacle = obstacleToVhost(keys);
  if (keys.vhost === 'on' && obstacle !== undefined) {
    const why = `The kernel serves no queues with ${obstacle}: leave one of the two out`;
    throw new ConfigError(why, { keyPath: `${keyPath}.vhost` });
  }
  const vhost = obstacle === undefined ? keys.vhost : 'off';
  const { tap, mtu } = openNetworkTap({ ...keys, vhost }, keyPath, world);
  return { network: tap, mtu };
}

/** What the kernel cannot do, as the config says it. */
function obstacleToVhost({ rateLimit, packed, interrupt }: Keys): string | undefined {
  if (rateLimit.bytesPerSecond > 0 || rateLimit.requestsPerSecond > 0) return 'a rate-limit';
  if (packed === 'on') return 'packed: on';
  return interrupt === 'strict' ? 'interrupt: strict' : undefined;
}

function misplaced(keyPath: string, why: string, network: string): ConfigError {
  return new ConfigError(`${why}: leave this key out, or write network: ${network}`, { keyPath });
}
