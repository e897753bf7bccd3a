/**
 * A tree of YAML values (`source.ts`) → values, as the table of keys says: every key is checked, defaults are filled
 * in, and every mistake is a ConfigError that says what was expected, what was given, and what to write instead.
 */

import { parseSize } from '../base/size.ts';
import { given } from './expectation.ts';
import {
  type CpuListField,
  camel,
  type DevicesField,
  type EndpointField,
  type Field,
  type IntegerField,
  type MapField,
  type ObjectField,
  type PathField,
  type SizeField,
  type TextField,
} from './kinds.ts';
import { readOverlays } from './read-overlays.ts';
import { errorAt, mismatch, notePath, type Reading, textOf } from './reading.ts';
import type { Mapping, Place, Source } from './source.ts';
import { nearest } from './suggest.ts';

/** Device names appear in file names, `--set` paths and logs. */
const DEVICE_NAME = /^[A-Za-z][A-Za-z0-9_-]{0,31}$/;
/** Linux' own limit of CPU numbers on arm64 (NR_CPUS) is far below. */
const HOST_CPU_MAX = 4095;

/** The value of `source`, which stands at `keyPath` and should be what `field` says. */
export function read(field: Field, source: Source, keyPath: string, reading: Reading): unknown {
  switch (field.kind) {
    case 'text':
      return readText(field, source, keyPath);
    case 'path':
      return readPath(field, source, keyPath, reading);
    case 'integer':
      return readInteger(field, source, keyPath);
    case 'size':
      return readSize(field, source, keyPath);
    case 'flag':
      if (source.kind !== 'scalar' || typeof source.value !== 'boolean') throw mismatch(field, source, keyPath);
      return source.value;
    case 'choice': {
      const word = textOf(source);
      if (word === undefined || !field.choices.includes(word)) throw mismatch(field, source, keyPath);
      return word;
    }
    case 'cpu-list':
      return readCpuList(field, source, keyPath);
    case 'endpoint':
      return readEndpoint(field, source, keyPath, reading);
    case 'texts':
      if (source.kind !== 'list') throw mismatch(field, source, keyPath);
      return source.items.map((item) => {
        const text = textOf(item);
        if (text === undefined || !field.pattern.test(text)) throw mismatch(field, item, keyPath);
        return text;
      });
    case 'map':
      return readMap(field, source, keyPath, reading);
    case 'overlays':
      return readOverlays(field, source, keyPath, reading);
    case 'object':
      return readObject(field, source, keyPath, reading);
    case 'devices':
      return readDevices(field, source, keyPath, reading);
  }
}

function readText(field: TextField, source: Source, keyPath: string): string {
  const value = textOf(source);
  if (value === undefined || (field.pattern && !field.pattern.test(value))) throw mismatch(field, source, keyPath);
  if (field.lengthMax !== undefined && value.length > field.lengthMax) {
    const message = `This text has ${value.length} characters and at most ${field.lengthMax} fit: shorten it`;
    throw errorAt(source.at, keyPath, message);
  }
  return value;
}

function readPath(field: PathField, source: Source, keyPath: string, reading: Reading): string {
  const value = textOf(source);
  if (!value) throw mismatch(field, source, keyPath);
  return notePath(value, field.access, source, keyPath, reading);
}

function readInteger(field: IntegerField, source: Source, keyPath: string): number {
  const value = source.kind === 'scalar' ? source.value : undefined;
  if (typeof value !== 'number' || !Number.isInteger(value)) throw mismatch(field, source, keyPath);
  if (value < field.min || value > field.max) throw mismatch(field, source, keyPath);
  if (field.only && !field.only.includes(value)) throw mismatch(field, source, keyPath);
  return value;
}

function readSize(field: SizeField, source: Source, keyPath: string): number {
  const bytes = sizeOf(field, source);
  if (bytes === undefined || bytes < field.min || bytes > field.max) throw mismatch(field, source, keyPath);
  if (field.only && !field.only.includes(bytes)) throw mismatch(field, source, keyPath);
  if (bytes % (field.multipleOf ?? 1) !== 0) throw mismatch(field, source, keyPath);
  return bytes;
}

function sizeOf(field: SizeField, source: Source): number | undefined {
  if (source.kind !== 'scalar') return undefined;
  if (field.only?.includes(0) && source.value === 'off') return 0;
  const bytes = typeof source.value === 'string' ? parseSize(source.value) : source.value;
  if (typeof bytes !== 'number' || !Number.isInteger(bytes)) return undefined;
  // What is written as a word is not also written as a number.
  return field.only && bytes === 0 ? undefined : bytes;
}

function readCpuList(field: CpuListField, source: Source, keyPath: string): number[] {
  const cpus: number[] = [];
  for (const item of source.kind === 'list' ? source.items : [source]) {
    const text = item.kind === 'scalar' ? String(item.value) : '';
    const match = /^([0-9]+)(?:-([0-9]+))?$/.exec(text);
    if (!match) throw mismatch(field, item, keyPath);
    const first = Number(match[1]);
    const last = Number(match[2] ?? match[1]);
    if (last < first) {
      throw errorAt(item.at, keyPath, `The range ${text} ends before it begins: write ${last}-${first}`);
    }
    if (last > HOST_CPU_MAX) {
      throw errorAt(item.at, keyPath, `Host CPU ${last} cannot exist: write numbers up to ${HOST_CPU_MAX}`);
    }
    for (let cpu = first; cpu <= last; cpu++) {
      if (cpus.includes(cpu)) {
        throw errorAt(item.at, keyPath, `Host CPU ${cpu} is named twice: name another host CPU for each vCPU`);
      }
      cpus.push(cpu);
    }
  }
  if (cpus.length === 0) throw mismatch(field, source, keyPath);
  return cpus;
}

function readEndpoint(field: EndpointField, source: Source, keyPath: string, reading: Reading): unknown {
  const text = textOf(source);
  if (text === undefined) throw mismatch(field, source, keyPath);
  if (Object.hasOwn(field.words, text)) return { kind: text };
  const colon = text.indexOf(':');
  const [scheme, path] = [text.slice(0, colon), text.slice(colon + 1)];
  if (colon < 0 || !path || !Object.hasOwn(field.schemes, scheme)) throw mismatch(field, source, keyPath);
  return { kind: scheme, path: notePath(path, scheme === 'unix' ? 'socket' : 'create', source, keyPath, reading) };
}

function readMap(field: MapField, source: Source, keyPath: string, reading: Reading): Record<string, unknown> {
  if (source.kind !== 'mapping') throw mismatch(field, source, keyPath);
  if (source.entries.size > field.countMax) {
    const message = `There are ${source.entries.size} entries and at most ${field.countMax} fit: take some away`;
    throw errorAt(source.at, keyPath, message);
  }
  const values: Record<string, unknown> = {};
  for (const [name, value] of source.entries) {
    const below = `${keyPath}.${name}`;
    if (!field.namePattern.test(name)) {
      throw errorAt(value.at, below, `"${name}" cannot be a name here: write ${field.namePatternHelp}`);
    }
    values[name] = read(field.of, value, below, reading);
  }
  return values;
}

function readObject(field: ObjectField, source: Source, keyPath: string, reading: Reading): Record<string, unknown> {
  const mapping = expand(field, source);
  if (!mapping) throw mismatch(field, source, keyPath);
  return readKeys(field.keys, mapping, keyPath, reading, { short: source === mapping ? undefined : field.short });
}

/** The long form of `source`: a short form becomes a mapping with one key. Undefined when it is neither. */
export function expand(field: ObjectField, source: Source): Mapping | undefined {
  if (source.kind === 'mapping') return source;
  if (field.short === undefined) return undefined;
  return { kind: 'mapping', entries: new Map([[field.short, source]]), at: source.at };
}

/** Reads the keys of a mapping. `short`: the key that the user did not write, mistakes are reported without it. */
function readKeys(
  keys: Readonly<Record<string, Field>>,
  mapping: Mapping,
  keyPath: string,
  reading: Reading,
  { short, known = [] }: { short?: string | undefined; known?: readonly string[] },
): Record<string, unknown> {
  const below = (key: string) => (key === short ? keyPath : keyPath ? `${keyPath}.${key}` : key);
  for (const [key, value] of mapping.entries) {
    if (Object.hasOwn(keys, key) || known.includes(key)) continue;
    throw errorAt(value.at, below(key), unknown('key', key, [...known, ...Object.keys(keys)]));
  }
  const values: Record<string, unknown> = {};
  for (const [key, field] of Object.entries(keys)) {
    const source = mapping.entries.get(key);
    values[camel(key)] = source
      ? read(field, source, below(key), reading)
      : absent(field, key, below(key), mapping.at, reading);
  }
  return values;
}

/** The value of a key that is not there. */
function absent(field: Field, key: string, keyPath: string, at: Place, reading: Reading): unknown {
  const neededBelow = field.kind === 'object' && field.short !== undefined && field.keys[field.short]?.required;
  if (field.required || neededBelow) {
    const [example = '…'] = field.examples ?? [];
    // The whole file has no line of its own.
    const place = keyPath.includes('.') ? at : { file: at.file, line: undefined };
    throw errorAt(place, keyPath, `This key is missing: write for example ${key}: ${example}`);
  }
  if (field.kind === 'object') return readObject(field, { kind: 'mapping', entries: new Map(), at }, keyPath, reading);
  if (field.kind === 'devices' || field.kind === 'map') return {};
  if (field.kind === 'endpoint' && field.default !== undefined) return { kind: field.default };
  return field.default;
}

function readDevices(field: DevicesField, source: Source, keyPath: string, reading: Reading): Record<string, unknown> {
  if (source.kind !== 'mapping') throw mismatch(field, source, keyPath);
  const result: Record<string, unknown> = {};
  for (const [name, entry] of source.entries) {
    const path = `${keyPath}.${name}`;
    if (!DEVICE_NAME.test(name)) {
      const message = `"${name}" cannot be the name of a device: begin with a letter, then letters, digits, dashes and underscores, 32 at most`;
      throw errorAt(entry.at, path, message);
    }
    if (entry.kind !== 'mapping') {
      throw errorAt(entry.at, path, 'Expected a mapping with a type: write for example { type: … }');
    }
    const types = typesOf(field, entry);
    const type = entry.entries.get('type');
    if (!type) throw errorAt(entry.at, path, `This device has no type: write one of ${listOf(types)}`);
    const typeName = textOf(type);
    const table = typeName !== undefined && Object.hasOwn(types, typeName) ? types[typeName] : undefined;
    if (!table) {
      if (typeName !== undefined && Object.hasOwn(field.served, typeName)) {
        throw errorAt(
          type.at,
          path,
          `Only another process serves devices of type ${typeName}: write for example backend: /run/${name}.sock`,
        );
      }
      throw errorAt(type.at, `${path}.type`, unknown('device type', typeName ?? given(type), Object.keys(types)));
    }
    result[name] = { type: typeName, ...readKeys(table.keys, entry, path, reading, { known: ['type'] }) };
  }
  return result;
}

/** The tables of the types that this device may have. */
export function typesOf({ types, served }: DevicesField, device: Mapping): DevicesField['types'] {
  return device.entries.has('backend') ? served : types;
}

/** `Unknown key "memroy": did you mean memory?`, or the words there are. */
function unknown(what: string, word: string, known: readonly string[]): string {
  const near = nearest(word, known);
  if (near) return `Unknown ${what} "${word}": did you mean "${near}"?`;
  return `Unknown ${what} "${word}": ${known.length ? `known here are ${known.join(', ')}` : 'none are built in yet'}`;
}

function listOf(types: Readonly<Record<string, unknown>>): string {
  return Object.keys(types).join(', ') || '(none are built in yet)';
}
