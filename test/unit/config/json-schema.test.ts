import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { configJsonSchema } from '../../../src/config/json-schema.ts';
import type { Field } from '../../../src/config/kinds.ts';
import { parseConfig } from '../../../src/config/parse.ts';
import { CONFIG } from '../../../src/config/schema.ts';

const validate = new Ajv2020({ strict: false }).compile(configJsonSchema());

function parserAccepts(text: string): boolean {
  try {
    parseConfig(text, { file: 'a.yaml', directory: '/', resolvePath: (path) => path });
    return true;
  } catch {
    return false;
  }
}

/** `cpus: { pin: 0-3 }` for every example of every key; what else the config needs is added. */
function examples(field: Field, around: (value: string) => string): string[] {
  const own = (field.examples ?? []).map(around);
  if (field.kind !== 'object') return own;
  return [
    ...own,
    ...Object.entries(field.keys).flatMap(([key, below]) => {
      const needs = key === 'pin' ? ', count: 4' : field.keys['image'] && key !== 'image' ? ', image: Image' : '';
      return examples(below, (value) => around(`{ ${key}: ${value}${needs} }`));
    }),
  ];
}

const ALL_EXAMPLES = (Object.entries(CONFIG.keys) as [string, Field][]).flatMap(([key, field]) =>
  examples(field, (value) => (key === 'kernel' ? `kernel: ${value}` : `kernel: Image\n${key}: ${value}`)),
);

describe('configJsonSchema', () => {
  test.each(ALL_EXAMPLES)('accepts the documented example %j, as the parser does', (text) => {
    expect([validate(parseYaml(text)), parserAccepts(text)]).toEqual([true, true]);
  });

  test.each([
    '[]',
    'cpus: 2',
    'kernel: { initrd: a }',
    'kernel: ""',
    'kernel: Image\nmemroy: 1G',
    'kernel: Image\ncpus: { turbo: on }',
    'kernel: Image\ncpus: two',
    'kernel: Image\ncpus: 0',
    'kernel: Image\ncpus: 513',
    'kernel: Image\ncpus: 1.5',
    'kernel: Image\ncpus:',
    'kernel: Image\ncpus: { sve: true }',
    'kernel: Image\ncpus: { pin: all }',
    'kernel: Image\ncpus: { pin: [] }',
    'kernel: Image\nmemory: 512',
    'kernel: Image\nmemory: 512m',
    'kernel: Image\nmemory: 3145728',
    'kernel: Image\nmemory: { hugepages: 4M }',
    'kernel: Image\nmemory: { hugepages: 0 }',
    'kernel: Image\nmemory: { hugepages: "0" }',
    'kernel: Image\nmemory: { prefault: on }',
    'kernel: Image\nname: a/b',
    'kernel: Image\nname: 5',
    'kernel: Image\nconsole: serial',
    'kernel: Image\nconsole: "file:"',
    'kernel: Image\ngic: v4',
    'kernel: Image\noverlays: a.dtbo',
    'kernel: Image\noverlays: [a.txt]',
    'kernel: Image\nstop-timeout-s: -1',
    'kernel: Image\ndevices: []',
    'kernel: Image\ndevices: { root: { type: blk } }',
    `kernel: { image: a, cmdline: ${'x'.repeat(2048)} }`,
  ])('rejects %j, as the parser does', (text) => {
    expect([validate(parseYaml(text)), parserAccepts(text)]).toEqual([false, false]);
  });

  test('describes every key for the editor', () => {
    const properties = configJsonSchema()['properties'] as Record<string, { description: string }>;
    expect(Object.keys(properties)).toEqual(Object.keys(CONFIG.keys));
    for (const { description } of Object.values(properties)) expect(description).toMatch(/\.$/);
  });
});
