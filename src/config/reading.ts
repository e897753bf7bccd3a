/** What every reader of a value uses: where it stands, its text, the paths it names, and the error about it. */
import { ConfigError } from '../base/errors.ts';
import { expectation } from './expectation.ts';
import type { Field } from './kinds.ts';
import type { NamedPath } from './schema.ts';
import type { Place, Source } from './source.ts';

/** How paths become absolute, and where they are noted. */
export interface Reading {
  resolvePath(path: string, at: Place): string;
  readonly paths: NamedPath[];
}

/** A ConfigError about `source`: what `field` expects, what stands there, what to write. */
export function mismatch(field: Field, source: Source, keyPath: string): ConfigError {
  const key = keyPath.slice(keyPath.lastIndexOf('.') + 1);
  return errorAt(source.at, keyPath, expectation(field, source, key));
}

export function errorAt(at: Place, keyPath: string, message: string): ConfigError {
  return new ConfigError(message, { keyPath, file: at.file, line: at.line });
}

/** Makes `written` absolute and notes that the config names it. */
export function notePath(
  written: string,
  access: NamedPath['access'],
  source: Source,
  keyPath: string,
  reading: Reading,
): string {
  const path = reading.resolvePath(written, source.at);
  reading.paths.push({ path, access, keyPath });
  return path;
}

/** The text of a scalar; what comes from `--set` needs no quotes to be one. */
export function textOf(source: Source): string | undefined {
  if (source.typed !== undefined) return source.typed;
  return source.kind === 'scalar' && typeof source.value === 'string' ? source.value : undefined;
}
