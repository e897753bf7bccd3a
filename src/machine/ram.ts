/**
 * Guest RAM in our process: private anonymous memory, or a sealed memfd where back-ends map all of it too; on ordinary pages
 * or on huge ones from the host's pool.
 */
import { MADV_HUGEPAGE } from '../abi/libc.ts';
import { ConfigError } from '../base/errors.ts';
import type { GuestAddress } from '../base/range.ts';
import { formatSize } from '../base/units.ts';
import type { VmConfig } from '../config/schema.ts';
import { poolsOf } from '../config/shared-memory.ts';
import type { Fd } from '../host/fd.ts';
import { createMemfd, Mapping, RAM_ALIGNMENT } from '../host/mapping.ts';
import { memoryAvailable } from '../host/memory-available.ts';
import type { MemoryRegion } from '../memory/guest-memory.ts';

export interface Ram extends Disposable {
  readonly mapping: Mapping;
  /** What other processes get to map it by, if there are any. */
  readonly fd: Fd | undefined;
}

export function mapRam(config: VmConfig, warn: (message: string) => void): Ram {
  const { memory, devices } = config;
  const { size, hugepages, prefault } = memory;
  checkAvailable(config, warn);
  using resources = new DisposableStack();
  const isShared = Object.values(devices).some((device) => 'backend' in device && device.memory.share === 'all');
  const fd = isShared ? resources.use(createMemfd('guest-ram', size, hugepages)) : undefined;
  const mapping = resources.use(
    Mapping.create(size, {
      what: 'guest RAM',
      alignment: RAM_ALIGNMENT,
      hugePageSize: hugepages,
      populate: prefault,
      ...(fd && { fd }),
    }),
  );
  if (hugepages === 0) mapping.advise(MADV_HUGEPAGE);
  const owned = resources.move();
  return { mapping, fd, [Symbol.dispose]: () => owned.dispose() };
}

/** A mapping as guest memory. Its bytes are looked at only when somebody asks for them (see Mapping.buffer). */
export function regionOf(mapping: Mapping, base: GuestAddress, fd: Fd | undefined): MemoryRegion {
  const { pointer, size } = mapping;
  const region = { range: { base, size }, pointer, fd: fd?.number };
  return Object.defineProperty(region as MemoryRegion, 'buffer', { get: () => mapping.buffer });
}

/**
 * Memory is taken when the guest touches it, so more than there is may go well: only say so. With prefault, and for pools, it
 * cannot. What comes from the host's huge pages was reserved for them, and is not counted.
 */
export function checkAvailable(
  { memory, devices }: VmConfig,
  warn: (message: string) => void,
  available = memoryAvailable() ?? Infinity,
): void {
  const pools = poolsOf(devices).toSorted((a, b) => b.size - a.size);
  const poolBytes = pools.reduce((sum, { size }) => sum + size, 0);
  const total = poolBytes + (memory.hugepages === 0 ? memory.size : 0);
  if (total <= available) return;
  const has = `the host has ${formatSize(available)} available`;
  if (poolBytes > available) {
    const keyPath = `devices.${pools[0]!.devices[0]}.memory.size`;
    throw new ConfigError(`Cannot take ${formatSize(poolBytes)} for pools at start: ${has}: make this one smaller`, {
      keyPath,
    });
  }
  if (memory.prefault) {
    const doing = `Cannot take ${formatSize(total)} of memory for the guest at start`;
    throw new ConfigError(`${doing}: ${has}: lower memory.size, or set prefault to false`, { keyPath: 'memory.size' });
  }
  warn(
    `The guest may use ${formatSize(total)} of memory, but ${has}: when the guest touches more, the host kills processes`,
  );
}
