/** Guest RAM in our process: private anonymous memory until something shares it, or huge pages from the host's pool. */
import { MADV_HUGEPAGE } from '../abi/libc.ts';
import { ConfigError } from '../base/errors.ts';
import { formatSize } from '../base/units.ts';
import type { VmConfig } from '../config/schema.ts';
import { Mapping, RAM_ALIGNMENT } from '../host/mapping.ts';
import { memoryAvailable } from '../host/memory-available.ts';

export function mapRam({ memory }: VmConfig, warn: (message: string) => void): Mapping {
  const { size, hugepages, prefault } = memory;
  if (hugepages === 0) checkAvailable(memory, warn);
  const ram = Mapping.create(size, {
    what: 'guest RAM',
    alignment: RAM_ALIGNMENT,
    hugePageSize: hugepages,
    populate: prefault,
  });
  if (hugepages === 0) ram.advise(MADV_HUGEPAGE);
  return ram;
}

/** Memory is taken when the guest touches it, so more than there is may go well: only say so. With prefault it cannot. */
export function checkAvailable({ size, prefault }: VmConfig['memory'], warn: (message: string) => void): void {
  const available = memoryAvailable();
  if (available === undefined || size <= available) return;
  const has = `the host has ${formatSize(available)} available`;
  if (prefault) {
    const doing = `Cannot take ${formatSize(size)} of memory for the guest at start`;
    throw new ConfigError(`${doing}: ${has}: lower memory.size, or set prefault to false`, { keyPath: 'memory.size' });
  }
  warn(
    `The guest may use ${formatSize(size)} of memory, but ${has}: when the guest touches more, the host kills processes`,
  );
}
