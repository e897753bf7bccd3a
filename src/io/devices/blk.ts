/** `type: blk`: virtio-blk over a file or a block device. */
import { openDisk } from '../../backends/open-disk.ts';
import type { DeviceKeys } from '../../config/device-types.ts';
import { VirtioBlk } from '../../devices/virtio-blk.ts';
import type { DeviceWorld } from '../../virtio/device.ts';
import { RateLimit } from '../../virtio/rate-limit.ts';

export function create(keys: DeviceKeys<'blk'>, world: DeviceWorld): VirtioBlk {
  const disk = openDisk(keys, `devices.${world.name}.path`, world);
  const { queues, queueSize, cache, serial = world.name } = keys;
  return new VirtioBlk(disk, world.loop, new RateLimit(world.loop, keys.rateLimit), {
    queues,
    queueSize,
    cache,
    serial,
  });
}
