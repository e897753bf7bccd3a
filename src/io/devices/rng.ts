/** `type: rng`: virtio-rng over getrandom(2). */
import { KernelEntropy } from '../../backends/entropy.ts';
import type { DeviceKeys } from '../../config/device-types.ts';
import { VirtioRng } from '../../devices/virtio-rng.ts';
import type { DeviceWorld } from '../../virtio/device.ts';
import { RateLimit } from '../../virtio/rate-limit.ts';

export function create(keys: DeviceKeys<'rng'>, world: DeviceWorld): VirtioRng {
  return new VirtioRng(new KernelEntropy(), new RateLimit(world.loop, keys.rateLimit), keys.queueSize);
}
