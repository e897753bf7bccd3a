/** Where the PCI functions of a config lie on the guest's bus, and their device tree nodes. */
import { ConfigError } from '../base/errors.ts';
import type { AddressRange } from '../base/range.ts';
import { type GuestDevice, labelOf } from '../boot/device-tree.ts';
import { pciFunctionNode, pciHostNode } from '../boot/pci-node.ts';
import { isOnPci } from '../config/device-kinds.ts';
import type { VmConfig } from '../config/schema.ts';
import type { DeviceNodeContext } from '../fdt/device-node.ts';
import type { FdtNode } from '../fdt/tree.ts';
import { BUSES } from '../pci/pci-bus.ts';
import { INTX_SPIS, LAYOUT, mainMemory, type PlacedPool, pciWindow64, placePools } from './layout.ts';

/** The host bridge is device 0 of the bus, which has 32. */
const DEVICES = 31;
const FUNCTIONS_OF_DEVICE = 8;

type Devices = Pick<VmConfig, 'devices'>;

/** Device × 8 + function, by name. Devices keep their order; what does not fit as a device becomes a function of one. */
export function devfnsOf({ devices }: Devices): ReadonlyMap<string, number> {
  const names = Object.keys(devices).filter((name) => isOnPci(devices[name]!));
  if (names.length > DEVICES * FUNCTIONS_OF_DEVICE) {
    throw new ConfigError(
      `${names.length} devices are more than a PCI bus has functions (${DEVICES * FUNCTIONS_OF_DEVICE}): let some have transport: mmio`,
      { keyPath: 'devices' },
    );
  }
  return new Map(names.map((name, number) => [name, 8 * (1 + (number % DEVICES)) + Math.floor(number / DEVICES)]));
}

/** The 64-bit window of a guest that has PCI. */
export function window64Of(config: VmConfig): AddressRange {
  return pciWindow64(config.cpus.count, mainMemory(config));
}

/**
 * The host bridge's node. `poolNameOf` is the label of a pool's node. Functions have nodes of their own only where something stands in them.
 */
export function pciNode(
  config: VmConfig,
  { msi, isCoherent }: { readonly msi: string | undefined; readonly isCoherent: boolean },
  poolLabelOf: (pool: PlacedPool) => string,
): GuestDevice {
  const pools = placePools(config);
  const functionNode = (name: string, devfn: number, context: DeviceNodeContext): FdtNode | undefined => {
    const pool = pools.find(({ devices }) => devices.includes(name));
    if (!pool && config.devices[name]!.children.length === 0) return undefined;
    const node = pciFunctionNode(config.devices[name]!.type === 'vfio' ? 'device' : 'virtio', devfn);
    node.labels.add(labelOf(name));
    return pool ? node.set('memory-region', context.phandleOf(poolLabelOf(pool))) : node;
  };
  return {
    label: 'pcie',
    range: LAYOUT.pciEcam,
    node: (context) =>
      pciHostNode({
        ...{ ecam: LAYOUT.pciEcam, busCount: BUSES, window32: LAYOUT.pciWindow32, window64: window64Of(config) },
        ...{ spis: INTX_SPIS, gic: context.gic, msi: msi === undefined ? undefined : context.phandleOf(msi) },
        isCoherent,
        functions: [...devfnsOf(config)]
          .map(([name, devfn]) => functionNode(name, devfn, context))
          .filter((node) => node !== undefined),
      }),
  };
}
