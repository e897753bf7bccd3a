/** What users install: the npm tarball of `make dist`, on an Arm host that has Node and npm and nothing else. */
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };
import { host, type NestedHost } from '../support/nested-host.ts';
import { payload } from '../support/vm.ts';

const TREE = join(import.meta.dirname, '../..');
/** Where nobody else installs. */
const PREFIX = '/tmp/orko-dist';
const SLOW_MS = 300_000;

let l1: NestedHost;
let tarball: string;
beforeAll(async () => {
  l1 = await host('main');
  const packed = execFileSync(process.execPath, [join(TREE, '.ci/dist.ts'), '--pack'], { encoding: 'utf8' }).trim();
  tarball = join(l1.directory, 'orko-vmm.tgz');
  copyFileSync(packed, tarball);
});
afterAll(async () => {
  await l1.run(`rm -rf ${PREFIX}`);
});

test(
  'npm install -g: needs no network, compiler or script, and what it installs boots a guest',
  async () => {
    // Its own cache, empty: what is missing in the tarball cannot come from anywhere.
    const environment = `npm_config_cache=${PREFIX}/cache npm_config_update_notifier=false PATH=$(dirname $(command -v node)):/bin`;
    const install = `${environment} npm install -g --offline --ignore-scripts --prefix ${PREFIX} ${tarball}`;
    const installed = await l1.run(`mkdir -p ${PREFIX} && ${install}`, { timeoutMs: SLOW_MS });
    expect(installed).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('added 1 package') });

    const program = `${PREFIX}/bin/orko-vmm`;
    expect(await l1.run(`${program} --version`)).toMatchObject({
      exitCode: 0,
      stdout: `${manifest.version}\n`,
      stderr: '',
    });
    expect((await l1.run(`ls ${PREFIX}/lib/node_modules`)).stdout).toBe('orko-vmm\n');

    const config = join(l1.directory, 'dist.yaml');
    writeFileSync(config, `memory: 64M\nkernel: { image: ${payload('hello').image} }\n`);
    const guest = await l1.run(`${program} run ${config}`, { timeoutMs: SLOW_MS });
    expect(guest).toMatchObject({ exitCode: 0, stderr: '' });
    expect(guest.stdout).toContain('hello');
  },
  2 * SLOW_MS,
);

test('the package: has the manual, the documents and no source', () => {
  const files = execFileSync('tar', ['-tzf', tarball], { encoding: 'utf8' }).trim().split('\n');
  for (const file of ['bin/orko-vmm.js', 'docs/orko-vmm.1', 'LICENSE', 'package.json']) {
    expect(files).toContain(`package/${file}`);
  }
  expect(files.filter((file) => file.endsWith('.ts') || file.includes('node_modules'))).toEqual([]);
});

test('the bundle: parses command lines that only yargs understands', () => {
  const { status, stdout } = spawnSync(process.execPath, [join(TREE, 'out/package/bin/orko-vmm.js'), '--help'], {
    encoding: 'utf8',
  });
  expect(status).toBe(0);
  expect(stdout).toContain('orko-vmm run');
});
