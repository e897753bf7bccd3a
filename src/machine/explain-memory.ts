/** Every memory slot of a running VM: what lies behind it, what the guest gets of it, and who else has it (docs/device-memory.md). */
import { overlaps } from '../base/range.ts';
import type { DeviceSharing, MemoryReport } from '../control/protocol.ts';
import type { MemoryArea } from '../host/memory-area.ts';
import type { Slot } from '../memory/slots.ts';
import { combine, STAGE1, stage2Of } from '../memory/stage2.ts';

export interface MemoryFacts {
  readonly slots: readonly Slot[];
  readonly forcesWriteBack: boolean;
  readonly sharing: readonly DeviceSharing[];
  /** What is mapped at an address of our process. */
  areaAt(pointer: number): MemoryArea | undefined;
}

export function explainMemory({ slots, forcesWriteBack, sharing, areaAt }: MemoryFacts): MemoryReport {
  const explained = slots
    .toSorted((a, b) => a.range.base - b.range.base)
    .map(({ name, kind, range, pointer, readOnly }) => {
      const area = areaAt(Number(pointer)) ?? { path: '', isPfnMap: false, isShared: false, pageSize: 0 };
      return {
        ...{ name, kind, base: range.base, size: range.size, readOnly },
        ...{ stage2: stage2Of(area), backing: backingOf(area) },
        mappedBy: sharing
          .filter(({ memory }) => memory.some((seen) => overlaps(seen, range)))
          .map(({ name: device, process }) => ({ device, ...(process && { process }) })),
      };
    });
  const types = [...new Set(explained.map(({ stage2 }) => stage2))].flatMap((stage2) =>
    STAGE1.map((asks) => ({
      stage2,
      asks,
      gets: combine(asks, stage2, false),
      getsForced: combine(asks, stage2, true),
    })),
  );
  return { forcesWriteBack, types, slots: explained };
}

/** What the kernel calls anonymous memory that is shared. */
const SHARED_ANONYMOUS = /^\/dev\/zero( \(deleted\))?$/;

function backingOf({ path, isShared, pageSize }: MemoryArea): string {
  const isAnonymous = path === '' || SHARED_ANONYMOUS.test(path);
  const what = isAnonymous ? `anonymous memory, ${isShared ? 'shared' : 'private'}` : path.replace(/ \(deleted\)$/, '');
  return pageSize === 0 ? what : `${what}, pages of ${pageSize / 1024} KiB`;
}
