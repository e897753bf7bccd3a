/** `--set devices.root.readonly=true`: puts a value into the tree as though the file had said it. */
import { ConfigError } from '../base/errors.ts';
import type { Field, ObjectField } from './kinds.ts';
import { expand, typesOf } from './read.ts';
import { type Mapping, SET_FILE, type Source } from './source.ts';

/**
 * `root` with `value` at the dotted path `keys`. Short forms on the way become long ones, and a short value for a
 * mapping that is already there sets its short key alone: `cpus=4` keeps the pinning that the file asks for.
 */
export function setIn(
  field: Field | undefined,
  root: Source | undefined,
  keys: readonly string[],
  value: Source,
  keyPath = '',
): Source {
  const [key, ...rest] = keys;
  if (key === undefined) {
    if (field?.kind !== 'object' || field.short === undefined) return value;
    if (root?.kind !== 'mapping' || value.kind === 'mapping') return value;
    return withEntry(root, field.short, value);
  }
  const mapping = longForm(field, root, value);
  if (!mapping) {
    throw new ConfigError(`There is no key below ${keyPath}: set ${keyPath} itself`, {
      keyPath: `${keyPath}.${keys.join('.')}`,
      file: SET_FILE,
    });
  }
  const below = keyPath ? `${keyPath}.${key}` : key;
  return withEntry(mapping, key, setIn(fieldBelow(field, mapping, key), mapping.entries.get(key), rest, value, below));
}

function longForm(field: Field | undefined, root: Source | undefined, value: Source): Mapping | undefined {
  // An unknown key: the reader finds it and says so, with a suggestion.
  if (field && field.kind !== 'object' && field.kind !== 'devices' && field.kind !== 'map') return undefined;
  if (!root) return { kind: 'mapping', entries: new Map(), at: value.at };
  return field?.kind === 'object' ? expand(field, root) : root.kind === 'mapping' ? root : undefined;
}

function fieldBelow(field: Field | undefined, mapping: Mapping, key: string): Field | undefined {
  if (field?.kind === 'object') return field.keys[key];
  if (field?.kind === 'map') return field.of;
  if (field?.kind !== 'devices') return undefined;
  const device = mapping.entries.get(key);
  if (device?.kind !== 'mapping') return undefined;
  const type = device.entries.get('type');
  const table = type?.kind === 'scalar' ? typesOf(field, device)[String(type.value)] : undefined;
  // Without its `type` the device's keys are taken as they come; the reader then asks for the type.
  return table satisfies ObjectField | undefined;
}

function withEntry(mapping: Mapping, key: string, value: Source): Mapping {
  return { ...mapping, entries: new Map(mapping.entries).set(key, value) };
}
