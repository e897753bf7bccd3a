/** The JSON Schema (draft 2020-12) of the config file, for completion and checks in editors. */
import { SIZE_PATTERN } from '../base/size.ts';
import { endpointForms, writeSizeOf } from './expectation.ts';
import type { Field, ObjectField } from './kinds.ts';
import { CONFIG } from './schema.ts';

export type JsonSchema = { readonly [keyword: string]: unknown };

const CPU_RANGE = '^[0-9]+(-[0-9]+)?$';

export function configJsonSchema(): JsonSchema {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'orko-vmm: config of one virtual machine',
    ...schemaOf(CONFIG),
  };
}

function schemaOf(field: Field): JsonSchema {
  return { description: descriptionOf(field), ...defaultOf(field), ...shapeOf(field) };
}

function shapeOf(field: Field): JsonSchema {
  switch (field.kind) {
    case 'text':
      return {
        type: 'string',
        ...(field.pattern && { pattern: field.pattern.source }),
        ...(field.lengthMax !== undefined && { maxLength: field.lengthMax }),
      };
    case 'path':
      return { type: 'string', minLength: 1 };
    case 'integer':
      if (field.only) return { enum: field.only };
      return { type: 'integer', minimum: field.min, maximum: field.max };
    case 'size':
      if (field.only) {
        return {
          anyOf: [
            { enum: field.only.map((bytes) => writeSizeOf(field, bytes)) },
            { enum: field.only.filter((bytes) => bytes > 0) },
          ],
        };
      }
      return {
        anyOf: [
          { type: 'string', pattern: SIZE_PATTERN },
          { type: 'integer', minimum: field.min, maximum: field.max, multipleOf: field.multipleOf ?? 1 },
        ],
      };
    case 'flag':
      return { type: 'boolean' };
    case 'choice':
      return { enum: field.choices };
    case 'cpu-list': {
      const item = {
        anyOf: [
          { type: 'string', pattern: CPU_RANGE },
          { type: 'integer', minimum: 0 },
        ],
      };
      return { anyOf: [...item.anyOf, { type: 'array', minItems: 1, items: item }] };
    }
    case 'endpoint':
      return {
        anyOf: [
          { enum: Object.keys(field.words) },
          { type: 'string', pattern: `^(${Object.keys(field.schemes).join('|')}):.` },
        ],
      };
    case 'texts':
      return { type: 'array', items: { type: 'string', pattern: field.pattern.source } };
    case 'map':
      return {
        type: 'object',
        propertyNames: { pattern: field.namePattern.source },
        maxProperties: field.countMax,
        additionalProperties: shapeOf(field.of),
      };
    case 'overlays':
      return {
        type: 'array',
        items: { anyOf: [{ type: 'string', pattern: '\\.(dtbo|dts)$' }, { type: 'object' }] },
      };
    case 'object': {
      const short = field.short === undefined ? undefined : field.keys[field.short];
      return short ? { anyOf: [shapeOf(short), mappingOf(field)] } : mappingOf(field);
    }
    case 'devices':
      return {
        type: 'object',
        propertyNames: { pattern: '^[A-Za-z][A-Za-z0-9_-]{0,31}$' },
        additionalProperties: devicesOf([...Object.entries(field.types), ...Object.entries(field.served)]),
      };
  }
}

/** One of the device types, told apart by `type`. */
function devicesOf(types: readonly (readonly [string, ObjectField])[]): JsonSchema | false {
  const tables = types.map(([type, table]) => mappingOf(table, type));
  return tables.length > 0 && { type: 'object', required: ['type'], oneOf: tables };
}

function mappingOf(field: ObjectField, type?: string): JsonSchema {
  const required = Object.entries(field.keys)
    .filter(([, { required, ...key }]) => required || ('short' in key && key.short && key.keys[key.short]?.required))
    .map(([key]) => key);
  return {
    type: 'object',
    properties: {
      ...(type !== undefined && { type: { const: type, description: field.help } }),
      ...Object.fromEntries(Object.entries(field.keys).map(([key, below]) => [key, schemaOf(below)])),
    },
    ...(required.length > 0 && { required }),
    additionalProperties: false,
  };
}

function descriptionOf(field: Field): string {
  const forms = field.kind === 'endpoint' ? ` One of ${endpointForms(field).join(', ')}.` : '';
  const meanings = 'meanings' in field && field.meanings ? ` ${meaningsOf(field.meanings)}.` : '';
  return field.help + forms + meanings;
}

function meaningsOf(meanings: Readonly<Record<string, string>>): string {
  return Object.entries(meanings)
    .map(([word, meaning]) => `${word}: ${meaning}`)
    .join('; ');
}

function defaultOf(field: Field): JsonSchema {
  if (field.default === undefined || field.defaultHelp !== undefined) return {};
  return { default: field.kind === 'size' ? writeSizeOf(field, field.default as number) : field.default };
}
