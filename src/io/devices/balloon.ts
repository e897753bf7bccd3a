/** `type: balloon`: virtio-balloon over guest RAM as it is mapped here. */
import { HostRam } from '../../backends/reclaimable-ram.ts';
import type { DeviceKeys } from '../../config/device-types.ts';
import { VirtioBalloon } from '../../devices/virtio-balloon.ts';
import type { DeviceWorld } from '../../virtio/device.ts';

export function create({ statsIntervalS, ...keys }: DeviceKeys<'balloon'>, world: DeviceWorld): VirtioBalloon {
  const ram = new HostRam(world.memory, (message) => world.log(message));
  return new VirtioBalloon(world, ram, { ...keys, statsIntervalMs: statsIntervalS * 1000 });
}
