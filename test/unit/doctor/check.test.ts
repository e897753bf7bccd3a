import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { ConfigError } from '../../../src/base/errors.ts';
import { parseConfig } from '../../../src/config/parse.ts';
import { checkConfig } from '../../../src/doctor/check.ts';

/** One config in a folder with these files; the problems of the config, as `place: message` without the folder. */
async function problemsOf(yaml: string, files: Readonly<Record<string, string | Uint8Array>>): Promise<string[]> {
  const directory = mkdtempSync(join(tmpdir(), 'orko-check-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  for (const [name, data] of Object.entries(files)) writeFileSync(join(directory, name), data);
  const resolvePath = (path: string) => join(directory, path);
  const problems = await checkConfig(parseConfig(yaml, { file: 'vm.yaml', directory, sets: [], resolvePath }));
  return problems.flatMap(({ error }) =>
    error instanceof ConfigError
      ? [`${error.line}: ${error.keyPath}: ${error.message}`.replaceAll(`${directory}/`, '')]
      : [],
  );
}

const RAW = { 'code.bin': new Uint8Array(4096) };

test('checkConfig: nothing is wrong with the config of a raw binary', async () => {
  expect(await problemsOf('kernel: { image: code.bin, format: raw }\nmemory: 64M\n', RAW)).toEqual([]);
});

test('checkConfig: says everything that is wrong, each with its line', async () => {
  const yaml = [
    'kernel:',
    '  image: Image',
    '  initrd: initrd',
    'console: file:none/console.log',
    'overlays:',
    '  - none.dtbo',
  ].join('\n');
  expect(await problemsOf(yaml, {})).toEqual([
    '2: kernel.image: Cannot open Image: there is no such file: check the path',
    '3: kernel.initrd: Cannot open initrd: there is no such file: check the path',
    expect.stringMatching(/^4: console: Cannot create none\/console.log: there is no directory/),
    '6: overlays.0: Cannot open none.dtbo: there is no such file: check the path',
  ]);
});

test('checkConfig: looks into the kernel, and at what fits into memory', async () => {
  const [image] = await problemsOf('kernel: Image\n', { Image: '#!/bin/sh\n' });
  expect(image).toMatch(/^1: kernel.image: Cannot boot Image: it is a script/);
  const config = 'kernel: { image: code.bin, format: raw, initrd: big }\nmemory: 2M\n';
  const [large] = await problemsOf(config, { ...RAW, big: new Uint8Array(4 * 1024 * 1024) });
  expect(large).toMatch(/Cannot place/);
});

test('checkConfig: applies the overlays to the tree that the guest would get', async () => {
  const yaml = 'kernel: { image: code.bin, format: raw }\noverlays: [{ /nowhere/at-all: { x: 1 } }]\n';
  const [overlay] = await problemsOf(yaml, RAW);
  expect(overlay).toContain('/nowhere/at-all');
});
