/** `type: vsock`: virtio-vsock over Unix sockets. */
import { VsockSockets } from '../../backends/vsock-sockets.ts';
import type { DeviceKeys } from '../../config/device-types.ts';
import { VirtioVsock } from '../../devices/virtio-vsock.ts';
import type { DeviceWorld } from '../../virtio/device.ts';

export function create({ path, cid, queueSize }: DeviceKeys<'vsock'>, { name, loop, log }: DeviceWorld): VirtioVsock {
  const host = new VsockSockets({ path, keyPath: `devices.${name}.path`, loop, log });
  return new VirtioVsock(host, loop, { guestCid: cid, queueSize });
}
