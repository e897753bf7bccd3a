/** How much memory the host could give to a new process, by its own estimate (proc_meminfo(5), MemAvailable). */
import { readFileSync } from 'node:fs';

/** Bytes, or undefined where the kernel does not say. */
export function memoryAvailable(): number | undefined {
  const kilobytes = /^MemAvailable:\s+(\d+) kB$/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
}
