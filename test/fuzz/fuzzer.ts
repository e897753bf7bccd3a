/**
 * Where `make fuzz` gets its fuzzer: Jazzer.js, which is libFuzzer for Node, from a package list of its own (jazzer/package.json
 * beside this file), so that nobody else installs it. Its native part is built against glibc 2.38; where the machine's is
 * older, Node runs over a newer Debian's, unpacked and not installed.
 */
import { cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cached } from '../../src/nested/cache.ts';
import { command } from '../../src/nested/command.ts';
import { SUITE } from '../../src/nested/debian.ts';
import { step, toStderr } from '../../src/nested/progress.ts';
import { unpacked } from '../../src/nested/unpacked.ts';

const GLIBC_NEEDED = 2.38;
const LIBRARIES = ['libc6', 'libstdc++6', 'libgcc-s1'];
/** The words before the fuzzer's arguments: a Node that can load it, and its entry. */
export async function fuzzerCommand(): Promise<readonly string[]> {
  const cli = join(await installFuzzer(), 'node_modules/@jazzer.js/core/dist/cli.js');
  return [...(await newerLibc()), process.execPath, cli];
}

async function installFuzzer(): Promise<string> {
  const lists = join(import.meta.dirname, 'jazzer');
  const lock = await readFile(join(lists, 'package-lock.json'), 'utf8');
  return cached('fuzzer', [lock], (directory) =>
    step(toStderr, 'Installing the fuzzer', async () => {
      await cp(lists, directory, { recursive: true });
      const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=error'];
      await command('install the fuzzer', 'npm', ['ci', ...options], { cwd: directory });
    }),
  );
}

/** Nothing where the machine's C library will do; else the linker of a newer one, told where its libraries are. */
async function newerLibc(): Promise<readonly string[]> {
  const report = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  if (Number(report.header.glibcVersionRuntime) >= GLIBC_NEEDED) return [];
  const { linker } = await unpacked(
    {
      name: 'fuzzer-libc',
      what: 'a newer C library for the fuzzer',
      suites: [SUITE],
      packages: LIBRARIES,
      proof: () => [process.execPath, '--version'],
    },
    toStderr,
  );
  return linker;
}
