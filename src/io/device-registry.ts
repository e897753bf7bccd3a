/**
 * Which file makes a device of which type: one line each. It is loaded only when the config has such a device.
 */
import type { DeviceKeys, VirtioType } from '../config/device-types.ts';
import type { DeviceWorld, VirtioDevice } from '../virtio/device.ts';

interface DeviceFile<Type extends VirtioType> {
  /** Opens what the keys name and puts the device on top of it. ConfigErrors and HostErrors are for the user. */
  create(keys: DeviceKeys<Type>, world: DeviceWorld): VirtioDevice | Promise<VirtioDevice>;
}

const DEVICE_FILES: { readonly [Type in VirtioType]: () => Promise<DeviceFile<Type>> } = {
  balloon: () => import('./devices/balloon.ts'),
  blk: () => import('./devices/blk.ts'),
  console: () => import('./devices/console.ts'),
  net: () => import('./devices/net.ts'),
  pmem: () => import('./devices/pmem.ts'),
  rng: () => import('./devices/rng.ts'),
  rtc: () => import('./devices/rtc.ts'),
  vsock: () => import('./devices/vsock.ts'),
};

/** The device of these keys. The parser has read them by the table of their type. */
export async function createDevice(keys: { readonly type: string }, world: DeviceWorld): Promise<VirtioDevice> {
  const file = (await DEVICE_FILES[keys.type as VirtioType]()) as {
    create(keys: object, world: DeviceWorld): VirtioDevice | Promise<VirtioDevice>;
  };
  return file.create(keys, world);
}
