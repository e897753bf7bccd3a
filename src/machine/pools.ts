/**
 * Restricted DMA pools: for each a piece of guest memory behind RAM, in a file and a memory slot of its own. A back-end is
 * given that file alone, since whoever has a file has all of it, whatever a memory table says. The guest's driver puts the
 * rings there and copies through it all that the device reads and writes (docs/sharing.md).
 */
import type { AddressRange } from '../base/range.ts';
import { formatRange } from '../base/range.ts';
import type { VmConfig } from '../config/schema.ts';
import { createMemfd, Mapping, RAM_ALIGNMENT } from '../host/mapping.ts';
import { forbidInspection } from '../host/process.ts';
import { GuestMemory } from '../memory/guest-memory.ts';
import type { MemorySlots } from '../memory/slots.ts';
import { placePools } from './layout.ts';
import { regionOf } from './ram.ts';

export interface Pool {
  readonly name: string;
  readonly range: AddressRange;
  /** All that devices on it see: an address elsewhere is the guest's fault. */
  readonly memory: GuestMemory;
  readonly devices: readonly string[];
}

export class Pools implements Disposable {
  readonly #pools: readonly Pool[];
  readonly #resources = new DisposableStack();

  constructor(config: VmConfig) {
    using resources = new DisposableStack();
    this.#pools = placePools(config).map(({ name, range, size, devices }) => {
      const what = `pool ${name}`;
      const fd = resources.use(createMemfd(`pool-${name}`, size));
      // Linux goes round in a pool, so that it touches all of one soon: taken now, on huge pages, the guest has no faults there.
      const mapping = resources.use(Mapping.create(size, { what, fd, populate: true, alignment: RAM_ALIGNMENT }));
      return {
        name,
        range,
        devices,
        memory: new GuestMemory([regionOf(mapping, range.base, fd)], elsewhere(name, range)),
      };
    });
    if (this.#pools.length > 0) forbidInspection();
    this.#resources = resources.move();
  }

  /** The pool of a device, if it has one. */
  of(device: string): Pool | undefined {
    return this.#pools.find(({ devices }) => devices.includes(device));
  }

  /** The file of the pool called `name`. */
  fdOf(name: string): number | undefined {
    return this.#pools.find((pool) => pool.name === name)?.memory.regions[0]?.fd;
  }

  addTo(slots: MemorySlots): void {
    for (const { name, range, memory } of this.#pools) {
      slots.add({ kind: 'pool', name: `pool ${name}`, range, pointer: memory.regions[0]!.pointer, readOnly: false });
    }
  }

  [Symbol.dispose](): void {
    this.#resources.dispose();
  }
}

/** Finishes "4096 bytes at 0x…". */
function elsewhere(name: string, range: AddressRange): string {
  return `lie outside of pool ${name} (${formatRange(range)}), the only memory that the back-end sees: use a guest kernel with CONFIG_DMA_RESTRICTED_POOL, or memory: all`;
}
