/** Where the virtio-mmio devices of a config lie, and their device tree nodes. Devices keep their order: Linux probes in it. */
import { ConfigError } from '../base/errors.ts';
import { virtioMmioNode } from '../boot/device-nodes.ts';
import type { GuestDevice, ReservedMemory } from '../boot/device-tree.ts';
import { virtioDevices } from '../config/device-kinds.ts';
import type { VmConfig } from '../config/schema.ts';
import { type DeviceNodeContext, IRQ_TYPE_EDGE_RISING, spiCells } from '../fdt/device-node.ts';
import { type PlacedPool, placePools, type VirtioSlot, virtioSlots } from './layout.ts';

/** By name, of those on the memory bus. */
export function virtioSlotsOf(config: Pick<VmConfig, 'devices'>): ReadonlyMap<string, VirtioSlot> {
  const names = virtioDevices(config).flatMap(([name, { transport }]) => (transport === 'mmio' ? [name] : []));
  const count = names.length;
  const slots = virtioSlots(count);
  if (slots) return new Map(names.map((name, number) => [name, slots[number]!]));
  throw new ConfigError(
    `${count} devices are more than there are interrupts for: let some have transport: pci, or take them out`,
    {
      keyPath: 'devices',
    },
  );
}

/** Bindings reserved-memory/shared-dma-pool.yaml: "restricted-dma-pool" bounces all that a device is given, rings included. */
export function poolNode({ name, range }: PlacedPool): ReservedMemory {
  return { name: poolNodeName(name), range, compatible: 'restricted-dma-pool' };
}

export function poolNodeName(pool: string): string {
  return `pool-${pool}`;
}

/** KVM makes a pulse of what an irqfd signals: only an edge-triggered interrupt keeps it. */
export function virtioNodes(config: VmConfig): readonly GuestDevice[] {
  const pools = placePools(config);
  return [...virtioSlotsOf(config)].map(([label, { range, spi }]) => {
    const pool = pools.find(({ devices }) => devices.includes(label));
    const node = (context: DeviceNodeContext) => {
      const own = virtioMmioNode(context);
      return pool ? own.set('memory-region', context.phandleOf(poolNodeName(pool.name))) : own;
    };
    return { label, range, interrupts: spiCells(spi, IRQ_TYPE_EDGE_RISING), node };
  });
}

/** Whether a device of the config brings nodes of its own. */
export function hasChildren({ devices }: VmConfig): boolean {
  return Object.values(devices).some(({ children }) => children.length > 0);
}
