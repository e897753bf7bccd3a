/** Which parts of a BAR can be mapped into a guest: whole host pages that are no MSI-X table (docs/device-memory.md). */
import { alignDown, alignUp } from '../base/bits.ts';

export interface Part {
  /** In the BAR. */
  readonly offset: number;
  /** Bytes. */
  readonly size: number;
}

/** `areas`: what may be mapped, in order; `kept`: what has to exit, and with it the host pages that it lies in. */
export function mappableParts(areas: readonly Part[], kept: readonly Part[], pageSize: number): readonly Part[] {
  return kept.reduce<readonly Part[]>(
    (parts, { offset, size }) => {
      const from = alignDown(offset, pageSize);
      const to = alignUp(offset + size, pageSize);
      return parts.flatMap((part) => [
        ...between(part.offset, Math.min(part.offset + part.size, from)),
        ...between(Math.max(part.offset, to), part.offset + part.size),
      ]);
    },
    areas.flatMap((area) => between(alignUp(area.offset, pageSize), alignDown(area.offset + area.size, pageSize))),
  );
}

function between(start: number, end: number): readonly Part[] {
  return end > start ? [{ offset: start, size: end - start }] : [];
}
