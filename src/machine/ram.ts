/** Guest RAM in our process: private anonymous memory until something shares it, or huge pages from the host's pool. */
import { readFileSync } from 'node:fs';
import { MADV_HUGEPAGE } from '../abi/libc.ts';
import { formatSize } from '../base/units.ts';
import type { VmConfig } from '../config/schema.ts';
import { Mapping, RAM_ALIGNMENT } from '../host/mapping.ts';

export function mapRam({ memory }: VmConfig, warn: (message: string) => void): Mapping {
  const { size, hugepages, prefault } = memory;
  if (!prefault && hugepages === 0) warnWhenScarce(size, warn);
  const ram = Mapping.create(size, {
    what: 'guest RAM',
    alignment: RAM_ALIGNMENT,
    hugePageSize: hugepages,
    populate: prefault,
  });
  if (hugepages === 0) ram.advise(MADV_HUGEPAGE);
  return ram;
}

/** Memory is taken when the guest touches it, so more than there is may go well: only say so. */
function warnWhenScarce(size: number, warn: (message: string) => void): void {
  const available = /^MemAvailable:\s+(\d+) kB$/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1];
  if (available === undefined || size <= Number(available) * 1024) return;
  warn(
    `The guest may use ${formatSize(size)} of memory, but the host has ${formatSize(Number(available) * 1024)} available: ` +
      'when the guest touches more, the host kills processes',
  );
}
