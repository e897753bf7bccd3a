/** The function of the host bridge itself: what a guest finds at 00.0, and knows the bridge by. */
import type { AccessSize } from '../bus/mmio-device.ts';
import type { BusFunction } from './bus-function.ts';
import { ConfigSpace } from './config-space.ts';

/** Base class 06, subclass 00: host bridge. */
const CLASS_HOST_BRIDGE = 0x06_00_00;

/** Red Hat's "PCIe Host bridge", the one of QEMU's virt machine: no operating system has a quirk for it. */
export const GENERIC_BRIDGE = { vendorId: 0x1b36, deviceId: 0x0008 } as const;

export class HostBridge implements BusFunction {
  readonly name = 'host bridge';
  readonly #config: ConfigSpace;

  constructor(bytes: DataView, identity: { readonly vendorId: number; readonly deviceId: number }) {
    this.#config = new ConfigSpace({ ...identity, classCode: CLASS_HOST_BRIDGE }, bytes);
  }

  readConfig(offset: number, size: AccessSize): number {
    return this.#config.read(offset, size);
  }

  writeConfig(offset: number, size: AccessSize, value: number): void {
    this.#config.write(offset, size, value);
  }

  reset(): void {
    this.#config.reset();
  }
}
