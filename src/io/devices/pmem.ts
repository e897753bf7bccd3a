/** `type: pmem`: virtio-pmem over a mapped file. */
import { PmemFile } from '../../backends/pmem-file.ts';
import type { DeviceKeys } from '../../config/device-types.ts';
import { VirtioPmem } from '../../devices/virtio-pmem.ts';
import type { DeviceWorld } from '../../virtio/device.ts';

export function create({ path, readonly, queueSize }: DeviceKeys<'pmem'>, world: DeviceWorld): VirtioPmem {
  const file = new PmemFile({
    path,
    readOnly: readonly,
    name: world.name,
    keyPath: `devices.${world.name}.path`,
    loop: world.loop,
    log: (message) => world.log(message),
  });
  return new VirtioPmem(file, queueSize);
}
