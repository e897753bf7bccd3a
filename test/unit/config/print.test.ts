import { expect, test } from 'vitest';
import { parseConfig } from '../../../src/config/parse.ts';
import { printConfig } from '../../../src/config/print.ts';

const parse = (text: string) =>
  parseConfig(text, {
    file: 'board.yaml',
    directory: '/',
    resolvePath: (path) => (path.startsWith('/') ? path : `/${path}`),
  });

test.each([
  'kernel: Image',
  'name: "007"\nkernel: { image: Image, cmdline: "a: b # c" }\nconsole: file:log',
  'kernel: Image\ncpus: { count: 2, pin: 0-1, mte: on }\nmemory: { size: 1G, base: 0x80000000, hugepages: 1G }',
  'kernel: Image\noverlays: [a.dtbo, { /chosen: { "#x": [1, 2], b: true } }]\ncontrol-socket: s',
])('printConfig: reads back as the same config: %j', (text) => {
  const config = parse(text);
  const again = parse(printConfig(config));

  // Where the keys stand differs: the printed config has no short forms.
  expect({ ...again, places: {}, paths: [] }).toEqual({ ...config, places: {}, paths: [] });
  expect(again.paths.map(({ path }) => path)).toEqual(config.paths.map(({ path }) => path));
});

test('printConfig: writes sizes and addresses as people do', () => {
  const printed = printConfig(parse('kernel: Image\nmemory: { size: 1536M, base: 0x80000000 }'));
  expect(printed).toContain('  size: 1536M\n  base: 0x80000000\n  hugepages: off\n');
});
