import { expect, test } from 'vitest';
import { ConfigError } from '../../../src/base/errors.ts';
import { choice, devices, flag, map, object, path, size, texts, type ValueOf } from '../../../src/config/kinds.ts';
import { read } from '../../../src/config/read.ts';
import type { NamedPath } from '../../../src/config/schema.ts';
import { setIn } from '../../../src/config/set.ts';
import { readSet, readYaml } from '../../../src/config/yaml.ts';

/** Two device types as the table of the VMM would have them. */
const DEVICES = devices({
  help: 'Devices.',
  served: {},
  types: {
    disk: object({
      help: 'A disk.',
      keys: {
        path: path({ required: true, access: 'read', examples: ['a.img'], help: 'The image.' }),
        readonly: flag({ default: false, help: 'No writes.' }),
        cache: object({
          short: 'mode',
          help: 'The cache.',
          keys: {
            mode: choice({ choices: ['on', 'off'], default: 'on', help: 'Whether.' }),
            'size-max': size({ min: 0, max: 1024, default: 512, help: 'How much.' }),
          },
        }),
      },
    }),
    dice: object({
      help: 'Dice.',
      keys: {
        sides: texts({
          default: [],
          pattern: /^[a-z]+$/,
          patternHelp: 'a word',
          examples: ['[one, six]'],
          help: 'What is on its sides.',
        }),
      },
    }),
  },
});

function readDevices(text: string, sets: Record<string, string> = {}) {
  let source = readYaml(text, 'a.yaml');
  for (const [key, value] of Object.entries(sets)) source = setIn(DEVICES, source, key.split('.'), readSet(value));
  const paths: NamedPath[] = [];
  const value = read(DEVICES, source, 'devices', { paths, resolvePath: (name) => `/${name}` });
  return { value: value as ValueOf<typeof DEVICES>, paths };
}

function mistakeIn(text: string, sets?: Record<string, string>): string {
  try {
    readDevices(text, sets);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return `${error.line ?? ''}:${error.keyPath}: ${error.message}`;
  }
  throw new Error('The devices were accepted');
}

test('devices: each type has its own keys, defaults and types in TypeScript', () => {
  const { value, paths } = readDevices('root: { type: disk, path: a.img, cache: off }\nluck: { type: dice }');

  expect(value).toEqual({
    root: { type: 'disk', path: '/a.img', readonly: false, cache: { mode: 'off', sizeMax: 512 } },
    luck: { type: 'dice', sides: [] },
  });
  const root = value['root'];
  expect(root?.type === 'disk' && root.cache.sizeMax).toBe(512);
  expect(paths).toEqual([{ path: '/a.img', access: 'read', keyPath: 'devices.root.path' }]);
});

test('devices: --set reaches the keys of a device by its name, short forms too', () => {
  const { value } = readDevices('root: { type: disk, path: a, cache: off }', {
    'root.readonly': 'true',
    'root.cache.size-max': '1K',
    'luck.type': 'dice',
  });

  expect(value['root']).toMatchObject({ readonly: true, cache: { mode: 'off', sizeMax: 1024 } });
  expect(value['luck']).toEqual({ type: 'dice', sides: [] });
});

test('devices: a list of texts keeps its order', () => {
  expect(readDevices('luck: { type: dice, sides: [six, one] }').value['luck']).toEqual({
    type: 'dice',
    sides: ['six', 'one'],
  });
});

test.each([
  ['root: { type: dsk }', '1:devices.root.type: Unknown device type "dsk": did you mean "disk"?'],
  ['root: { type: gpu }', '1:devices.root.type: Unknown device type "gpu": known here are disk, dice'],
  ['root: { type: 5 }', '1:devices.root.type: Unknown device type "the number 5": known here are disk, dice'],
  ['root: { path: a }', '1:devices.root: This device has no type: write one of disk, dice'],
  ['root: { type: disk }', '1:devices.root.path: This key is missing: write for example path: a.img'],
  [
    'root: { type: disk, path: a, speed: 1 }',
    '1:devices.root.speed: Unknown key "speed": known here are type, path, readonly, cache',
  ],
  ['luck: { type: dice, path: a }', '1:devices.luck.path: Unknown key "path": known here are type, sides'],
  [
    'luck: { type: dice, sides: one }',
    '1:devices.luck.sides: Expected a list whose entries are each a word, got "one": write for example sides: [one, six]',
  ],
  ['luck: { type: dice, sides: [1] }', 'Expected a list whose entries are each a word, got the number 1'],
])('devices: %j is refused with its sentence', (text, sentence) => {
  expect(mistakeIn(text)).toContain(sentence);
});

test('map: names of the user with values of one kind', () => {
  const PORTS = map({
    of: size({ min: 0, max: 1024, help: 'How much.' }),
    namePattern: /^[a-z]+$/,
    namePatternHelp: 'small letters',
    countMax: 2,
    help: 'Ports.',
  });
  const readPorts = (text: string) =>
    read(PORTS, readYaml(text, 'a.yaml'), 'ports', { paths: [], resolvePath: (name) => name });

  expect(readPorts('{ a: 1K, b: 2 }')).toEqual({ a: 1024, b: 2 });
  expect(setIn(PORTS, readYaml('{ a: 1 }', 'a.yaml'), ['b'], readSet('2'))).toMatchObject({ kind: 'mapping' });
  expect(() => readPorts('{ A: 1 }')).toThrow('"A" cannot be a name here: write small letters');
  expect(() => readPorts('{ a: 1, b: 1, c: 1 }')).toThrow('There are 3 entries and at most 2 fit: take some away');
  expect(() => readPorts('{ a: 2K }')).toThrow('Expected a size from 0 to 1K');
  expect(() => readPorts('[a]')).toThrow('Expected a mapping of names, got a list');
});
