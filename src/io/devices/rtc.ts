/** `type: rtc`: virtio-rtc over the host's clocks. */
import { hostClocks } from '../../backends/host-clocks.ts';
import type { DeviceKeys } from '../../config/device-types.ts';
import { VirtioRtc } from '../../devices/virtio-rtc.ts';
import type { DeviceWorld } from '../../virtio/device.ts';

export function create({ monotonic, tai, queueSize }: DeviceKeys<'rtc'>, world: DeviceWorld): VirtioRtc {
  const keyPath = `devices.${world.name}.tai`;
  return new VirtioRtc(hostClocks(world.loop, world.guestCounter, { monotonic, tai, keyPath }), queueSize);
}
