/**
 * `make dist`: the installed form of orko-vmm in out/package, and with --pack the npm tarball out/orko-vmm-VERSION.tgz.
 * One bundled JavaScript file (and one for I/O threads), koffi's JavaScript in it, koffi's native part beside it, so that `npm install -g` of the
 * tarball needs no compiler, no script and no network.
 */
import { existsSync } from 'node:fs';
import { chmod, copyFile, cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import { command } from '../src/nested/command.ts';
import { npmPackage } from '../src/nested/npm-package.ts';
import { toStderr } from '../src/nested/progress.ts';

const TREE = join(import.meta.dirname, '..');
const OUT = join(TREE, 'out');
const TARGET = join(OUT, 'package');
/** src/host/koffi.ts looks for the native part in `../../build/koffi`: the bundle lies two folders deep. */
const LIB = 'lib/orko-vmm';
/** What is bundled: the program, and what an I/O thread runs. A thread shares no code with another, so each has its own. */
const BUNDLES = { 'main.js': 'src/main.ts', 'io-thread.js': 'src/io/worker.ts' };
/** Where src/io/io-thread.ts looks for its thread. */
const IO_ENTRY = 'io-worker.js';
const BIN = 'bin/orko-vmm.js';
const NATIVE = 'build/koffi';
/** Boards, and x86 machines for `orko-vmm nested`; each with glibc or musl. */
const ARCHITECTURES = ['arm64', 'x64'];

interface Manifest {
  readonly version: string;
  readonly description: string;
  readonly license: string;
  readonly engines: object;
  readonly dependencies: { readonly koffi: string };
}

/** V8's compiled code outlives the process, or every start would compile the bundle again. */
const starterOf = (bundle: string) => `/** Runs the bundle with V8's compile cache. */
const { enableCompileCache } = require('node:module');
const { XDG_CACHE_HOME, HOME } = process.env;
const cache = XDG_CACHE_HOME || (HOME && HOME + '/.cache');
if (cache) enableCompileCache(cache + '/orko-vmm/v8');
require('${bundle}');
`;

const manifest = JSON.parse(await readFile(join(TREE, 'package.json'), 'utf8')) as Manifest;
const work = `${TARGET}.${process.pid}`;
try {
  // esbuild has said what is wrong, with file and line.
  await bundle().catch(() => process.exit(1));
  await addNativeParts(manifest.dependencies.koffi);
  await addDescription();
  await rm(TARGET, { recursive: true, force: true });
  await cp(work, TARGET, { recursive: true });
} finally {
  await rm(work, { recursive: true, force: true });
}
if (process.argv.includes('--pack')) await pack();

async function bundle(): Promise<void> {
  for (const [name, entry] of Object.entries(BUNDLES)) await bundleOne(entry, join(work, LIB, name));
  await writeFile(join(work, LIB, IO_ENTRY), starterOf('./io-thread.js'));
  await mkdir(join(work, 'bin'), { recursive: true });
  await writeFile(join(work, BIN), `#!/usr/bin/env node\n${starterOf(`../${LIB}/main.js`)}`);
  await chmod(join(work, BIN), 0o755);
}

async function bundleOne(entry: string, outfile: string): Promise<void> {
  await build({
    entryPoints: [join(TREE, entry)],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node24',
    // CommonJS starts faster: importing Node's modules into an ES module evaluates every lazy part of them.
    format: 'cjs',
    define: {
      'import.meta.dirname': '__dirname',
      'import.meta.filename': '__filename',
      'import.meta.main': 'false',
      // yargs makes a require of its own from it.
      'import.meta.url': 'orkoUrl',
    },
    banner: { js: "const orkoUrl=require('node:url').pathToFileURL(__filename).href;" },
    sourcemap: true,
    sourcesContent: false,
    minifySyntax: true,
    minifyWhitespace: true,
    logLevel: 'error',
  });
}

async function addNativeParts(version: string): Promise<void> {
  for (const architecture of ARCHITECTURES) {
    const source = await npmPackage(`@koromix/koffi-linux-${architecture}`, version, toStderr);
    for (const libc of ['linux', 'musl']) {
      const folder = `${libc}_${architecture}`;
      await mkdir(join(work, NATIVE, folder), { recursive: true });
      await copyFile(join(source, folder, 'koffi.node'), join(work, NATIVE, folder, 'koffi.node'));
    }
  }
}

async function addDescription(): Promise<void> {
  const { version, description, license, engines } = manifest;
  const installed = {
    ...{ name: 'orko-vmm', version, description, license, engines, os: ['linux'], type: 'commonjs' },
    ...{ bin: { 'orko-vmm': BIN }, man: ['docs/orko-vmm.1'] },
  };
  await writeFile(join(work, 'package.json'), `${JSON.stringify(installed, null, 2)}\n`);
  await mkdir(join(work, 'docs'), { recursive: true });
  for (const file of ['README.md', 'LICENSE', 'docs/orko-vmm.1', 'docs/configuration.md']) {
    if (existsSync(join(TREE, file))) await copyFile(join(TREE, file), join(work, file));
  }
  await copyFile(join(TREE, 'node_modules/koffi/LICENSE.txt'), join(work, NATIVE, 'LICENSE.txt'));
}

async function pack(): Promise<void> {
  const args = ['pack', TARGET, '--silent', '--ignore-scripts', '--pack-destination', OUT];
  const name = (await command('pack the npm tarball', 'npm', args, { cwd: OUT })).trim().split('\n').at(-1);
  process.stdout.write(`${join(OUT, name ?? '')}\n`);
}
