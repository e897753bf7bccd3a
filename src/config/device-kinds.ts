/** The two kinds of devices that a config has: virtio devices, ours or served by others, and devices of the host that are passed through. */
import type { VmConfig } from './schema.ts';

type Devices = Pick<VmConfig, 'devices'>;
type DeviceConfig = VmConfig['devices'][string];
export type PassedDevice = Extract<DeviceConfig, { readonly type: 'vfio' }>;
export type VirtioDeviceConfig = Exclude<DeviceConfig, PassedDevice>;

/** By name, in the order of the config. */
export function virtioDevices({ devices }: Devices): readonly (readonly [string, VirtioDeviceConfig])[] {
  return Object.entries(devices).flatMap(([name, device]) =>
    device.type === 'vfio' ? [] : [[name, device as VirtioDeviceConfig] as const],
  );
}

/** By name, in the order of the config. */
export function passedDevices({ devices }: Devices): readonly (readonly [string, PassedDevice])[] {
  return Object.entries(devices).flatMap(([name, device]) =>
    device.type === 'vfio' ? [[name, device as PassedDevice] as const] : [],
  );
}

/** Whether the guest finds it on a PCI bus. */
export function isOnPci(device: DeviceConfig): boolean {
  return device.type === 'vfio' || (device as VirtioDeviceConfig).transport === 'pci';
}
