import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { ConfigError } from '../../../src/base/errors.ts';
import { loadConfig, withConfig } from '../../../src/cli/load-config.ts';
import { UsageError } from '../../../src/cli/usage-error.ts';

const directory = mkdtempSync(join(tmpdir(), 'orko-load-config-'));
const file = join(directory, 'vm.yaml');

beforeAll(() => {
  vi.stubEnv('XDG_CACHE_HOME', join(directory, 'cache'));
  writeFileSync(join(directory, 'Image'), 'kernel');
  mkdirSync(join(directory, 'sub'));
});
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(directory, { recursive: true });
});

function load(text: string, ...sets: string[]) {
  writeFileSync(file, text);
  return loadConfig(file, sets);
}

async function mistakeIn(text: string, ...sets: string[]): Promise<string> {
  try {
    await load(text, ...sets);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return `${error.file === file ? 'FILE' : error.file}:${error.line ?? ''}:${error.keyPath}: ${error.message}`;
  }
  throw new Error('The config was accepted');
}

describe('loadConfig', () => {
  test('resolves paths from the file, and those of --set from the working directory', async () => {
    expect((await load('kernel: Image')).kernel.image).toBe(join(directory, 'Image'));
    const fromHere = relative(process.cwd(), join(directory, 'Image'));
    expect((await load('kernel: missing', `kernel=${fromHere}`)).kernel.image).toBe(join(directory, 'Image'));
  });

  test.each([
    ['there.yaml', 'Cannot read the config: there is no such file: name the YAML file of a VM'],
    ['sub', 'Cannot read the config: it is a directory: name the YAML file of a VM'],
    ['large', 'Cannot read the config: it is larger than 1 MiB: name the YAML file of a VM'],
  ])('a config that cannot be read: %s', async (name, sentence) => {
    writeFileSync(join(directory, 'large'), Buffer.alloc(1024 * 1024 + 1));
    await expect(loadConfig(join(directory, name), [])).rejects.toThrow(sentence);
  });

  test.each([
    ['kernel: Imag', 'FILE:1:kernel: Cannot open DIR/Imag: there is no such file: check the path'],
    ['kernel: Image/x', 'FILE:1:kernel: Cannot open DIR/Image/x: there is no such file: check the path'],
    ['kernel: sub', 'FILE:1:kernel: Cannot open DIR/sub: it is a directory: name the file in it'],
    ['kernel:\n  image: Image\n  initrd: rd', 'FILE:3:kernel.initrd: Cannot open DIR/rd: there is no such file'],
    ['kernel: Image\noverlays: [a.dtbo]', 'FILE:2:overlays.0: Cannot open DIR/a.dtbo: there is no such file'],
    ['kernel: Image\nconsole: file:sub', 'FILE:2:console: Cannot create DIR/sub: it is a directory: name a file in it'],
    [
      'kernel: Image\nconsole: unix:none/c',
      'FILE:2:console: Cannot create DIR/none/c: there is no directory DIR/none: create it, or choose another path',
    ],
    [`kernel: Image\ncontrol-socket: ${'x'.repeat(108)}`, 'bytes and at most 107 fit: choose a shorter path'],
  ])('%j is refused with its sentence', async (text, sentence) => {
    expect(await mistakeIn(text)).toContain(sentence.replaceAll('DIR', directory));
  });

  test.skipIf(process.getuid?.() === 0)('a file without permission is refused with its sentence', async () => {
    writeFileSync(join(directory, 'secret'), '');
    chmodSync(join(directory, 'secret'), 0);
    expect(await mistakeIn('kernel: secret')).toContain('secret: you may not read it: change its permissions');
  });

  test('withConfig: what is found wrong later is reported with its line too', async () => {
    const config = await load('name: x\nkernel: Image');
    const late = withConfig(config, async () => {
      throw new ConfigError('It is empty', { keyPath: 'kernel.image' });
    });
    await expect(late).rejects.toMatchObject({ message: 'It is empty', keyPath: 'kernel.image', file, line: 2 });
  });

  test('--set without a value is a mistake of the command line', async () => {
    await expect(load('kernel: Image', 'cpus')).rejects.toThrow(UsageError);
    await expect(load('kernel: Image', '=1')).rejects.toThrow('--set =1 has no key and value: write --set KEY=VALUE');
  });
});
