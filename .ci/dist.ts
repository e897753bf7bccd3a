/**
 * `make dist`: the installed form of orko-vmm in out/package, and with --pack the npm tarball out/orko-vmm-VERSION.tgz.
 * With `--into FOLDER` the installed form goes there.
 * One bundled JavaScript file (and one for I/O threads), koffi's JavaScript in it, koffi's native part beside it, so that `npm install -g` of the
 * tarball needs no compiler, no script and no network.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, copyFile, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import { COMMANDS } from '../src/cli/commands.ts';
import { command } from '../src/nested/command.ts';
import { npmPackage } from '../src/nested/npm-package.ts';
import { toStderr } from '../src/nested/progress.ts';

const TREE = join(import.meta.dirname, '..');
const OUT = join(TREE, 'out');
const into = process.argv.indexOf('--into');
const TARGET = into > 0 ? process.argv[into + 1]! : join(OUT, 'package');
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

/**
 * V8's compiled code outlives the process, or every start would compile the bundle again. Node's own compile cache keeps
 * what V8 compiles when it loads a file; most functions it compiles later, when they are called, at every start anew. So
 * what was compiled by the end of the first run is kept here, for each command (or thread) apart
 * (docs/measurements.md, "Start-up"). V8 refuses what another version of it wrote; `build` tells bundles apart.
 */
const starterOf = (
  bundle: string,
  build: string,
  use: string,
) => `/** Runs the bundle with what V8 compiled last time. */
const { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } = require('node:fs');
const { dirname, join } = require('node:path');
const { Script, constants } = require('node:vm');
const { XDG_CACHE_HOME, HOME } = process.env;
const bundle = join(__dirname, '${bundle}');
const cache = XDG_CACHE_HOME || (HOME && HOME + '/.cache');
const use = ${use};
const folder = cache && cache + '/orko-vmm/v8';
const name = use + '-' + process.arch + '-';
const kept = folder && folder + '/' + name + process.version + '-${build}';
const script = new Script(readFileSync(bundle, 'latin1'), {
  filename: bundle,
  cachedData: recall(),
  importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
});
if (kept && script.cachedDataRejected !== false) process.once('exit', remember);
script.runInThisContext()(exports, require, module, bundle, dirname(bundle));

function recall() {
  try {
    return readFileSync(kept);
  } catch {}
}

function remember() {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    for (const old of readdirSync(folder)) if (old.startsWith(name)) rmSync(folder + '/' + old, { force: true });
    const partial = folder + '/.' + name + process.pid;
    writeFileSync(partial, script.createCachedData());
    renameSync(partial, kept);
  } catch {}
}
`;
/** What the bundles have instead of `import.meta.url` and `performance.now`. */
const GLOBALS = [
  "const orkoUrl='file://'+encodeURI(__filename).replace(/[?#]/g,encodeURIComponent);",
  'const orkoNow=()=>{const[s,ns]=process.hrtime();return s*1e3+ns/1e6};',
].join('');
/** A command has its own cache, for each uses other functions; anything else on the command line shares one. */
const COMMAND = `${JSON.stringify(Object.keys(COMMANDS))}.includes(process.argv[2]) ? process.argv[2] : 'other'`;

const manifest = JSON.parse(await readFile(join(TREE, 'package.json'), 'utf8')) as Manifest;
/** Beside the target, so that it can be renamed to it: runs at the same time do not meet. */
const work = `${TARGET}.${process.pid}`;
try {
  // esbuild has said what is wrong, with file and line.
  await bundle().catch(() => process.exit(1));
  await addNativeParts(manifest.dependencies.koffi);
  await addDescription();
  if (process.argv.includes('--pack')) await pack();
  await replace(TARGET);
} finally {
  await rm(work, { recursive: true, force: true });
}

/** A whole one takes the place of the last; what somebody else has put there meanwhile is as good as ours, and goes. */
async function replace(target: string): Promise<void> {
  for (;;) {
    const last = `${work}.last`;
    await rename(target, last).catch(unless('ENOENT'));
    const isDone = await rename(work, target).then(() => true, unless('ENOTEMPTY', 'EEXIST'));
    await rm(last, { recursive: true, force: true });
    if (isDone) return;
  }
}

function unless(...codes: readonly string[]) {
  return (error: NodeJS.ErrnoException): undefined => {
    if (!codes.includes(error.code ?? '')) throw error;
  };
}

async function bundle(): Promise<void> {
  for (const [name, entry] of Object.entries(BUNDLES)) await bundleOne(entry, join(work, LIB, name));
  const starter = async (folder: string, name: string, use: string) => {
    const bundle = await readFile(join(work, LIB, name));
    const build = createHash('sha256').update(bundle).digest('hex').slice(0, 16);
    return starterOf(folder + name, build, use);
  };
  await writeFile(join(work, LIB, IO_ENTRY), await starter('', 'io-thread.js', "'io'"));
  await mkdir(join(work, 'bin'), { recursive: true });
  await writeFile(join(work, BIN), `#!/usr/bin/env node\n${await starter(`../${LIB}/`, 'main.js', COMMAND)}`);
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
      // Node's performance loads a dozen modules when it is first looked at.
      'performance.now': 'orkoNow',
    },
    // A function for its starter, as Node makes of a CommonJS file.
    banner: {
      js: `(function(exports,require,module,__filename,__dirname){${GLOBALS}`,
    },
    footer: { js: '})' },
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
  const folder = `${work}.tarball`;
  await mkdir(folder, { recursive: true });
  try {
    const args = ['pack', work, '--silent', '--ignore-scripts', '--pack-destination', folder];
    const name = (await command('pack the npm tarball', 'npm', args, { cwd: OUT })).trim().split('\n').at(-1) ?? '';
    await rename(join(folder, name), join(OUT, name));
    process.stdout.write(`${join(OUT, name)}\n`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
