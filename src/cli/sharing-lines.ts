/** How `ctl explain-sharing` and `check --explain-sharing` show who sees what of guest memory. */
import { formatRange } from '../base/range.ts';
import { formatSize } from '../base/units.ts';
import type { DeviceSharing } from '../control/protocol.ts';

/** Three lines for each device that a back-end serves, one for each other. */
export function sharingLines(devices: readonly DeviceSharing[]): string {
  return devices.map(linesOf).join('');
}

function linesOf({ name, type, memory, process, isolation, reason }: DeviceSharing): string {
  const head = `${name} (${type}): `;
  if (isolation === 'own') return `${head}${reason}\n`;
  const sees = memory.map(({ what, base, size, fd, file }) => {
    const by = file === undefined ? '' : `, by ${file}${fd === undefined ? '' : ` (file descriptor ${fd})`}`;
    return `  sees ${formatRange({ base, size })} (${formatSize(size)}): ${what}${by}\n`;
  });
  const who = type === 'vfio' ? 'a PCI device, by DMA' : servedBy(process);
  return `${head}${who}\n${sees.join('')}  isolation: ${isolation}: ${reason}\n`;
}

function servedBy(process: DeviceSharing['process']): string {
  if (process === undefined) return 'nobody serves it yet';
  const { command = 'a process', pid, uid } = process;
  return `${command}, ${pid === undefined ? '' : `pid ${pid}, `}uid ${uid}`;
}
