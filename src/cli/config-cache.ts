/**
 * What the YAML library made of a config, kept for the next start: reading YAML costs a third of all that orko-vmm does
 * before the guest runs (docs/measurements.md, "Start-up"). An entry holds the text it was made from and serves only
 * that, so it can be missing or damaged but never stale.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Source } from '../config/source.ts';

/** Counts changes of `Source`. */
const FORMAT = 1;

interface Entry {
  readonly format: number;
  readonly file: string;
  readonly text: string;
  readonly source: Source;
}

/** The tree of `text`, which was read from `file`, if it has been remembered. */
export function recall(file: string, text: string): Source | undefined {
  try {
    const entry = JSON.parse(readFileSync(pathOf(file)!, 'utf8'), (_, value) =>
      Array.isArray(value?.map) ? new Map(value.map) : value,
    ) as Entry;
    return entry.format === FORMAT && entry.file === file && entry.text === text ? entry.source : undefined;
  } catch {
    return undefined;
  }
}

/** Keeps `source` for the next `recall`; where that cannot be done, the next start is only slower. */
export function remember(file: string, text: string, source: Source): void {
  const entry: Entry = { format: FORMAT, file, text, source };
  const path = pathOf(file);
  if (path === undefined) return;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const partial = `${path}.${process.pid}`;
    writeFileSync(
      partial,
      JSON.stringify(entry, (_, value) => (value instanceof Map ? { map: [...value] } : value)),
    );
    renameSync(partial, path);
  } catch {
    // A read-only home, a full disk: not the user's concern here.
  }
}

/** One file for each name that a config is given by: the next text replaces the one before. */
function pathOf(file: string): string | undefined {
  const { XDG_CACHE_HOME, HOME } = process.env;
  const cache = XDG_CACHE_HOME || (HOME && `${HOME}/.cache`);
  return cache ? `${cache}/orko-vmm/configs/${encodeURIComponent(file).slice(-200)}.json` : undefined;
}
