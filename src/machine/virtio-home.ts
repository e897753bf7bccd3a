/**
 * A virtio device of the guest on whatever transport: its driver's side is answered here, on the main thread, and the device itself
 * works in an I/O thread. virtio-mmio-device.ts and virtio-pci-device.ts are the two kinds.
 */
import { VIRTIO_F_ACCESS_PLATFORM } from '../abi/virtio.ts';
import type { GuestAddress } from '../base/range.ts';
import type { MmioBus } from '../bus/mmio-bus.ts';
import type { IoThread } from '../io/io-thread.ts';
import type { DeviceKeys, WindowDescription } from '../io/protocol.ts';
import type { RemoteDevice } from '../io/remote-device.ts';
import type { Gic } from '../kvm/vgic.ts';
import type { Vm } from '../kvm/vm.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import type { MemorySlots } from '../memory/slots.ts';
import type { DeviceAction } from '../virtio/device.ts';
import { features } from '../virtio/features.ts';
import type { Pool } from './pools.ts';
import type { RegisterPageHost } from './register-page.ts';

/** The driver then asks its kernel where the device may go, and the device tree says: to the pool. */
export const POOL_FEATURES = {
  features: features(VIRTIO_F_ACCESS_PLATFORM),
  complaint:
    'not VIRTIO_F_ACCESS_PLATFORM, so it knows no pool: use a guest kernel with CONFIG_DMA_RESTRICTED_POOL, or memory: all',
};

/** The keys of a virtio device, those of its transport too. */
export interface VirtioKeys extends DeviceKeys {
  readonly interrupt: 'direct' | 'strict';
}

export interface VirtioHomeOptions {
  readonly number: number;
  readonly name: string;
  readonly keys: VirtioKeys;
  readonly thread: IoThread;
  /** RAM. */
  readonly memory: GuestMemory;
  /** What the device has instead of it. */
  readonly pool: Pool | undefined;
  readonly pageSize: number;
  log(message: string): void;
}

/** Where a device is to be put. */
export interface GuestPlaces {
  readonly bus: MmioBus;
  readonly slots: MemorySlots;
  /** A place for a window of the device that lies where we choose. */
  placeWindow(window: WindowDescription): GuestAddress;
}

export interface VirtioHome extends Disposable {
  readonly name: string;
  /** As in the config. */
  readonly type: string;
  readonly remote: RemoteDevice;
  /** What can be asked of it beside what the device itself can do. */
  readonly actions?: Readonly<Record<string, DeviceAction>>;
  /** Waits for the device, and puts it where the guest finds it. */
  place(places: GuestPlaces): Promise<void>;
  /** From now on the guest reads its registers without leaving, where that can be. */
  showPage?(host: RegisterPageHost): void;
  /** Ties the eventfds to a (new) VM, whose interrupt controller is initialised. What ties them goes with it. */
  attach(vm: Vm, gic: Gic): void;
  /** The VM is gone, and with it whatever was tied to it. */
  detach(): void;
  /** The guest reboots: between two VMs. */
  reset(): void;
}
