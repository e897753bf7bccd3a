/** How much memory a mapping really has, which its size does not say: for tests of prefault, balloons and holes. */
import { readFileSync } from 'node:fs';
import { KiB } from '../../src/base/units.ts';
import type { Mapping } from '../../src/host/mapping.ts';

/** How much of a mapping of ours has memory, as the kernel says (proc_pid_smaps(5)). */
export function residentBytes({ pointer }: Mapping): number {
  const area = readFileSync('/proc/self/smaps', 'utf8').split(`\n${pointer.toString(16)}-`)[1]!;
  return Number(/^Rss: +(\d+) kB$/m.exec(area)![1]) * KiB;
}
