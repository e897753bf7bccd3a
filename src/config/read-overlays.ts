/** `overlays:` of the config: paths of overlay files, or trees written in YAML (what is in them: fdt/inline.ts). */
import type { Overlay, OverlaysField } from './kinds.ts';
import { errorAt, mismatch, notePath, type Reading, textOf } from './reading.ts';
import type { Source } from './source.ts';

export function readOverlays(field: OverlaysField, source: Source, keyPath: string, reading: Reading): Overlay[] {
  if (source.kind !== 'list') throw mismatch(field, source, keyPath);
  return source.items.map((item, index) => {
    const path = `${keyPath}.${index}`;
    if (item.kind === 'mapping') return { kind: 'inline', tree: plain(item) as Record<string, unknown> };
    const written = textOf(item);
    if (written === undefined || !/\.(dtbo|dts)$/.test(written)) {
      throw errorAt(item.at, path, 'Expected a path that ends in .dtbo or .dts, or a mapping with device-tree nodes');
    }
    return { kind: 'file', path: notePath(written, 'read', item, path, reading) };
  });
}

/** The tree without places: what any YAML reader would have returned. */
function plain(source: Source): unknown {
  if (source.kind === 'scalar') return source.value;
  if (source.kind === 'list') return source.items.map(plain);
  return Object.fromEntries([...source.entries].map(([key, value]) => [key, plain(value)]));
}
