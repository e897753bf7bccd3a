import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { recall, remember } from '../../../src/cli/config-cache.ts';
import { readYaml } from '../../../src/config/yaml.ts';

const TEXT = 'kernel: { image: Image, cmdline: "a: b" }\ncpus: 4\noverlays: [{ /chosen: { map: [1, 2] } }, a.dtbo]\n';
let home = '';

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'orko-cache-'));
  vi.stubEnv('XDG_CACHE_HOME', home);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(home, { recursive: true });
});

test('recall: what was remembered, to the last line number', () => {
  const tree = readYaml(TEXT, 'vm.yaml');
  remember('vm.yaml', TEXT, tree);
  expect(recall('vm.yaml', TEXT)).toEqual(tree);
});

test('recall: nothing for another text, another file, or before anything was remembered', () => {
  expect(recall('vm.yaml', TEXT)).toBeUndefined();
  remember('vm.yaml', TEXT, readYaml(TEXT, 'vm.yaml'));
  expect(recall('vm.yaml', `${TEXT} `)).toBeUndefined();
  expect(recall('dir/vm.yaml', TEXT)).toBeUndefined();
});

test('recall: nothing from a damaged entry', () => {
  remember('vm.yaml', TEXT, readYaml(TEXT, 'vm.yaml'));
  const folder = join(home, 'orko-vmm/configs');
  for (const name of readdirSync(folder)) writeFileSync(join(folder, name), '{"format":1');
  expect(recall('vm.yaml', TEXT)).toBeUndefined();
});

test('remember: a cache that cannot be written is no error', () => {
  writeFileSync(join(home, 'orko-vmm'), 'a file');
  remember('vm.yaml', TEXT, readYaml(TEXT, 'vm.yaml'));
  expect(recall('vm.yaml', TEXT)).toBeUndefined();
});
