/** `memory:` of devices that others serve: who has which pool. */
import { expect, test } from 'vitest';
import { MiB } from '../../../src/base/units.ts';
import { parseConfig } from '../../../src/config/parse.ts';
import { poolsOf } from '../../../src/config/shared-memory.ts';

/** `memory` of each device, in order. */
function parse(...memories: string[]) {
  const devices = memories.map(
    (memory, index) => `  d${index}: { type: rng, backend: /run/${index}, memory: ${memory} }`,
  );
  const text = `kernel: Image\ndevices:\n  ours: { type: rng }\n${devices.join('\n')}\n`;
  return parseConfig(text, { file: 'vm.yaml', directory: '/', resolvePath: (path) => path });
}

test('memory: a word, a name or a size says what is meant; the rest is written out', () => {
  const { devices } = parse('all', 'pool', '{ pool: media }', '{ size: 2M }', '{ pool: media, size: 32M }', '{}');
  const memories = Object.values(devices).map((device) => ('backend' in device ? device.memory : undefined));
  expect(memories).toEqual([
    undefined,
    { share: 'all', pool: undefined, size: undefined },
    { share: 'pool', pool: 'd1', size: 64 * MiB },
    { share: 'pool', pool: 'media', size: 32 * MiB },
    { share: 'pool', pool: 'd3', size: 2 * MiB },
    { share: 'pool', pool: 'media', size: 32 * MiB },
    { share: 'all', pool: undefined, size: undefined },
  ]);
  expect(poolsOf(devices)).toEqual([
    { name: 'd1', size: 64 * MiB, devices: ['d1'] },
    { name: 'media', size: 32 * MiB, devices: ['d2', 'd4'] },
    { name: 'd3', size: 2 * MiB, devices: ['d3'] },
  ]);
});

test('memory: what contradicts itself is refused with its line', () => {
  const two = ['{ pool: a, size: 4M }', '{ pool: a, size: 2M }'];
  expect(() => parse(...two)).toThrow('The pool a has two sizes, 4M and 2M: write the same, or only one');
  expect(() => parse('{ share: all, size: 2M }')).toThrow('A back-end that sees all has no pool: leave size out');
  expect(() => parse('{ size: 1M }')).toThrow('multiple of 2M');
  expect(() => parse(...Array.from({ length: 33 }, () => 'pool'))).toThrow('more pools than the 32 that a guest takes');
  expect(() => parse('some')).toThrow('Expected one of all, pool, got "some"');
});
