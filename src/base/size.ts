/** Sizes as the config writes them: a number of bytes, or a number with K, M, G or T (1024-based). */
import { GiB, KiB, MiB, TiB } from './units.ts';

const UNITS = { '': 1, K: KiB, M: MiB, G: GiB, T: TiB } as const;
/** Also used by the JSON Schema, which has no flags: keep it free of them. */
export const SIZE_PATTERN = '^(0x[0-9a-fA-F]+|[0-9]+)([KMGT](iB)?)?$';

/** "512M" → 536870912; undefined when it is not a size. */
export function parseSize(text: string): number | undefined {
  const match = new RegExp(SIZE_PATTERN).exec(text);
  if (!match) return undefined;
  return Number(match[1]) * UNITS[(match[2]?.charAt(0) ?? '') as keyof typeof UNITS];
}

/** 536870912 → "512M": the shortest text that means exactly this size. */
export function writeSize(bytes: number): string {
  for (const unit of ['T', 'G', 'M', 'K'] as const) {
    if (bytes > 0 && bytes % UNITS[unit] === 0) return `${bytes / UNITS[unit]}${unit}`;
  }
  return String(bytes);
}
