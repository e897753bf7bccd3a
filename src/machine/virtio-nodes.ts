/** Where the virtio devices of a config lie, and their device tree nodes. Devices keep their order: Linux probes in it. */
import { ConfigError } from '../base/errors.ts';
import { virtioMmioNode } from '../boot/device-nodes.ts';
import type { GuestDevice, ReservedMemory } from '../boot/device-tree.ts';
import type { VmConfig } from '../config/schema.ts';
import { type DeviceNodeContext, IRQ_TYPE_EDGE_RISING, spiCells } from '../fdt/device-node.ts';
import { type PlacedPool, placePools, type VirtioSlot, virtioSlots } from './layout.ts';

export function virtioSlotsOf({ devices }: VmConfig): readonly VirtioSlot[] {
  const count = Object.keys(devices).length;
  const slots = virtioSlots(count);
  if (slots) return slots;
  throw new ConfigError(`${count} devices are more than there are interrupts for: take some out`, {
    keyPath: 'devices',
  });
}

/** Bindings reserved-memory/shared-dma-pool.yaml: "restricted-dma-pool" bounces all that a device is given, rings included. */
export function poolNode({ name, range }: PlacedPool): ReservedMemory {
  return { name: poolNodeName(name), range, compatible: 'restricted-dma-pool' };
}

function poolNodeName(pool: string): string {
  return `pool-${pool}`;
}

/** KVM makes a pulse of what an irqfd signals: only an edge-triggered interrupt keeps it. */
export function virtioNodes(config: VmConfig): readonly GuestDevice[] {
  const slots = virtioSlotsOf(config);
  const pools = placePools(config);
  return Object.keys(config.devices).map((label, number) => {
    const { range, spi } = slots[number]!;
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
