/** Where the keys of a config stand, so that what is found wrong long after parsing is still reported with its line. */
import { ConfigError } from '../base/errors.ts';
import type { VmConfig } from './schema.ts';
import type { Place, Source } from './source.ts';

/** The place of every key in the tree, by key path. */
export function placesIn(root: Source): Record<string, Place> {
  const places: [string, Place][] = [];
  const visit = (source: Source, keyPath: string) => {
    if (keyPath) places.push([keyPath, source.at]);
    const below = source.kind === 'mapping' ? source.entries : source.kind === 'list' ? source.items.entries() : [];
    for (const [key, value] of below) visit(value, keyPath ? `${keyPath}.${key}` : String(key));
  };
  visit(root, '');
  return Object.fromEntries(places);
}

/** The place that says `keyPath`, or the nearest one above it: a short form has no key of its own. */
export function placeOf({ places, file }: VmConfig, keyPath: string): Place {
  for (let path = keyPath; path; path = path.slice(0, Math.max(0, path.lastIndexOf('.')))) {
    if (Object.hasOwn(places, path)) return places[path]!;
  }
  return { file, line: undefined };
}

/** The same error with the file and line of its key, when it knows the key alone. */
export function withPlace(error: ConfigError, config: VmConfig): ConfigError {
  if (error.file !== undefined || !error.keyPath) return error;
  const located = new ConfigError(error.message, { keyPath: error.keyPath, ...placeOf(config, error.keyPath) });
  return Object.assign(located, { stack: error.stack });
}
