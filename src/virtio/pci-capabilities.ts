/**
 * The capabilities by which a driver finds the structures of virtio-pci (virtio 1.4 §4.1.4), and where our functions have them.
 */
import { PCI_CAP_ID_VNDR } from '../abi/pci.ts';
import {
  VIRTIO_PCI_CAP_COMMON_CFG,
  VIRTIO_PCI_CAP_DEVICE_CFG,
  VIRTIO_PCI_CAP_ISR_CFG,
  VIRTIO_PCI_CAP_NOTIFY_CFG,
  VIRTIO_PCI_CAP_PCI_CFG,
  VIRTIO_PCI_CAP_SHARED_MEMORY_CFG,
  virtio_pci_cap,
  virtio_pci_cap64,
  virtio_pci_cfg_cap,
  virtio_pci_notify_cap,
} from '../abi/virtio-pci.ts';
import { pack } from '../base/layout.ts';
import type { AddressRange } from '../base/range.ts';
import { KiB } from '../base/units.ts';
import type { ConfigSpace } from '../pci/config-space.ts';
import { COMMON_BYTES } from './pci-transport.ts';

/** All structures lie in one BAR, each in a page of its own; and behind them, in the next one, MSI-X. */
export const STRUCTURES_BAR = 0;
export const MSIX_BAR = 1;
export const SHARED_MEMORY_BAR = 2;

export const STRUCTURES = {
  common: { base: 0, size: 4 * KiB },
  isr: { base: 4 * KiB, size: 4 * KiB },
  device: { base: 8 * KiB, size: 4 * KiB },
  notify: { base: 12 * KiB, size: 4 * KiB },
} as const satisfies Record<string, AddressRange>;
export const STRUCTURES_BYTES = 16 * KiB;

/** Each queue has an address of its own to be notified by, so that each can have an ioeventfd (§4.1.4.4). */
export const NOTIFY_MULTIPLIER = 4;

/** Behind the PCI configuration access capability: where in the capability its fields begin. */
export const PCI_CFG_DATA = virtio_pci_cfg_cap.fields.pci_cfg_data.offset;

interface SharedRegion {
  readonly id: number;
  readonly offset: number;
  readonly size: number;
}

/** Writes them into `config`. Returns where the PCI configuration access capability lies (§4.1.4.9). */
export function addCapabilities(
  config: ConfigSpace,
  { configBytes, sharedMemory }: { readonly configBytes: number; readonly sharedMemory: readonly SharedRegion[] },
): number {
  const add = (bytes: Uint8Array): number => {
    bytes[2] = bytes.length;
    return config.addCapability(PCI_CAP_ID_VNDR, bytes.subarray(2));
  };
  const structure = (cfg_type: number, { base }: AddressRange, length: number) =>
    pack(virtio_pci_cap, { cfg_type, bar: STRUCTURES_BAR, offset: base, length });
  add(structure(VIRTIO_PCI_CAP_COMMON_CFG, STRUCTURES.common, COMMON_BYTES));
  add(structure(VIRTIO_PCI_CAP_ISR_CFG, STRUCTURES.isr, 1));
  if (configBytes > 0) add(structure(VIRTIO_PCI_CAP_DEVICE_CFG, STRUCTURES.device, configBytes));
  add(
    pack(virtio_pci_notify_cap, {
      'cap.cfg_type': VIRTIO_PCI_CAP_NOTIFY_CFG,
      'cap.bar': STRUCTURES_BAR,
      'cap.offset': STRUCTURES.notify.base,
      'cap.length': STRUCTURES.notify.size,
      notify_off_multiplier: NOTIFY_MULTIPLIER,
    }),
  );
  for (const { id, offset, size } of sharedMemory) {
    add(
      pack(virtio_pci_cap64, {
        'cap.cfg_type': VIRTIO_PCI_CAP_SHARED_MEMORY_CFG,
        'cap.bar': SHARED_MEMORY_BAR,
        'cap.id': id,
        'cap.offset': offset % 2 ** 32,
        'cap.length': size % 2 ** 32,
        offset_hi: Math.floor(offset / 2 ** 32),
        length_hi: Math.floor(size / 2 ** 32),
      }),
    );
  }
  const access = add(pack(virtio_pci_cfg_cap, { 'cap.cfg_type': VIRTIO_PCI_CAP_PCI_CFG }));
  config.define(access + virtio_pci_cap.fields.bar.offset, 1, 0, 0xff);
  for (const { offset } of [virtio_pci_cap.fields.offset, virtio_pci_cap.fields.length]) {
    config.define(access + offset, 4, 0, 0xffff_ffff);
  }
  config.define(access + PCI_CFG_DATA, 4, 0, 0xffff_ffff);
  return access;
}
