/** How `ctl explain-memory` shows the memory slots of a VM. */
import { formatRange } from '../base/range.ts';
import { formatSize } from '../base/units.ts';
import type { MemoryReport } from '../control/protocol.ts';

type Slot = MemoryReport['slots'][number];

/** One line about the host, three for each slot, and what the guest gets of each memory type. */
export function memoryLines({ forcesWriteBack, types, slots }: MemoryReport): string {
  const host = forcesWriteBack
    ? 'FEAT_S2FWB: yes: where KVM maps Normal-WB, so does the guest, whatever it asks for\n'
    : 'FEAT_S2FWB: no: of what KVM maps and what the guest asks for, the stricter counts\n';
  const answers = types.map(({ stage2, asks, gets, getsForced }) => {
    const [here, elsewhere] = forcesWriteBack ? [getsForced, gets] : [gets, getsForced];
    const other = here === elsewhere ? '' : ` (${elsewhere} ${forcesWriteBack ? 'without' : 'with'} FEAT_S2FWB)`;
    return `where KVM maps ${stage2} and the guest asks for ${asks}, it gets ${here}${other}\n`;
  });
  return [host, ...slots.map(linesOf), ...answers].join('');
}

function linesOf({ name, kind, base, size, readOnly, backing, stage2, mappedBy }: Slot): string {
  return [
    `${formatRange({ base, size })} (${formatSize(size)}) ${kind}: ${name}${readOnly ? ', read-only' : ''}`,
    `  behind it: ${backing}; KVM maps it as ${stage2}`,
    `  mapped by ${mappedBy.length === 0 ? 'nobody else' : mappedBy.map(nameOf).join(', ')}`,
    '',
  ].join('\n');
}

function nameOf({ device, process }: Slot['mappedBy'][number]): string {
  if (process === undefined) return `the back-end of ${device}, once it is there`;
  const { command = 'a process', pid, uid } = process;
  return `the back-end of ${device} (${command}${pid === undefined ? '' : `, pid ${pid}`}, uid ${uid})`;
}
