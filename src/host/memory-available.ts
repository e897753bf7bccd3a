/** How much memory the host could give to a new process, by its own estimate (proc_meminfo(5), MemAvailable). */
import { HostFiles } from './host-files.ts';

/** Bytes, or undefined where the kernel does not say. */
export function memoryAvailable(files = new HostFiles()): number | undefined {
  const kilobytes = /^MemAvailable:\s+(\d+) kB$/m.exec(files.text('/proc/meminfo') ?? '')?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
}
