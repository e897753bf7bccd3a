/** The sentence for a value of the wrong kind or range: what is expected, what was given, what to write instead. */
import { writeSize } from '../base/size.ts';
import type { Field, SizeField } from './kinds.ts';
import type { Source } from './source.ts';
import { nearest } from './suggest.ts';

/** `Expected a whole number from 1 to 512, got "two": write for example count: 4`. */
export function expectation(field: Field, source: Source, key: string): string {
  return `Expected ${describe(field)}, got ${given(source)}: ${advice(field, source, key)}`;
}

/** What a field takes, in words that follow "Expected". */
export function describe(field: Field): string {
  switch (field.kind) {
    case 'text':
      return field.patternHelp ?? 'a text';
    case 'path':
      return 'a path';
    case 'integer':
      return field.only ? `one of ${field.only.join(', ')}` : `a whole number from ${field.min} to ${field.max}`;
    case 'size':
      return describeSize(field);
    case 'flag':
      return 'true or false';
    case 'choice':
      return `one of ${field.choices.join(', ')}`;
    case 'cpu-list':
      return 'host CPU numbers';
    case 'endpoint':
      return `one of ${endpointForms(field).join(', ')}`;
    case 'texts':
      return `a list whose entries are each ${field.patternHelp}`;
    case 'map':
      return 'a mapping of names';
    case 'overlays':
      return 'a list of overlays';
    case 'object':
      return 'a mapping of keys';
    case 'devices':
      return 'a mapping of device names';
  }
}

/** `stdio`, `file:PATH`, …: every form of an endpoint. */
export function endpointForms(field: {
  readonly words: Readonly<Record<string, string>>;
  readonly schemes: Readonly<Record<string, string>>;
}): string[] {
  return [...Object.keys(field.words), ...Object.keys(field.schemes).map((scheme) => `${scheme}:PATH`)];
}

/** How a value of `field` is written in the config. */
export function writeSizeOf(field: SizeField, bytes: number): string {
  if (field.address) return `0x${bytes.toString(16)}`;
  return field.only && bytes === 0 ? 'off' : writeSize(bytes);
}

function describeSize(field: SizeField): string {
  if (field.only) return `one of ${field.only.map((bytes) => writeSizeOf(field, bytes)).join(', ')}`;
  const [min, max] = [writeSizeOf(field, field.min), writeSizeOf(field, field.max)];
  const multiple = field.multipleOf ? `, a multiple of ${writeSize(field.multipleOf)}` : '';
  return `${field.address ? 'an address' : 'a size'} from ${min} to ${max}${multiple}`;
}

/** What stands there, briefly. */
export function given(source: Source): string {
  if (source.kind === 'list') return source.items.length ? 'a list' : 'an empty list';
  if (source.kind === 'mapping') return 'a mapping';
  if (source.value === null) return 'nothing';
  if (typeof source.value === 'string') return `"${source.value}"`;
  return typeof source.value === 'number' ? `the number ${source.value}` : String(source.value);
}

function advice(field: Field, source: Source, key: string): string {
  const value = source.kind === 'scalar' ? source.value : undefined;
  if (field.kind === 'text' && !field.pattern && typeof value !== 'string' && value !== null && value !== undefined) {
    return `put it in quotes, ${key}: "${value}"`;
  }
  const instead = replacement(field, value);
  if (instead !== undefined) return `write ${key}: ${instead}`;
  const [example] = field.examples ?? [];
  return example === undefined ? 'see docs/configuration.md' : `write for example ${key}: ${example}`;
}

/** What was surely meant, when that can be said. */
function replacement(field: Field, value: unknown): string | undefined {
  if (field.kind === 'flag') {
    if (value === 'on' || value === 'yes') return 'true';
    return value === 'off' || value === 'no' ? 'false' : undefined;
  }
  if (field.kind === 'choice') {
    const word = typeof value === 'boolean' ? (value ? 'on' : 'off') : String(value);
    return field.choices.includes(word) ? word : nearest(word, field.choices);
  }
  if (field.kind === 'size' && typeof value === 'string') {
    const match = /^([0-9]+)\s*([kmgt])(i?b)?$/i.exec(value);
    return match && `${match[1]}${match[2]?.toUpperCase()}` !== value
      ? `${match[1]}${match[2]?.toUpperCase()}`
      : undefined;
  }
  // A bare number below a kilobyte was meant as so many megabytes.
  if (
    field.kind === 'size' &&
    !field.only &&
    !field.address &&
    typeof value === 'number' &&
    value > 0 &&
    value < field.min
  ) {
    return `${value}M`;
  }
  return undefined;
}
