/**
 * Where `make fuzz` gets its fuzzer: Jazzer.js, which is libFuzzer for Node, from a package list of its own (jazzer/package.json
 * beside this file), so that nobody else installs it. Its native part is built against glibc 2.38; where the machine's is
 * older, Node runs over a newer Debian's, unpacked and not installed.
 */
import { cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cached } from '../../src/nested/cache.ts';
import { command } from '../../src/nested/command.ts';
import { debianMirror, SUITE, unpackPackages } from '../../src/nested/debian.ts';
import { step, toStderr } from '../../src/nested/progress.ts';

const GLIBC_NEEDED = 2.38;
const LIBRARIES = ['libc6', 'libstdc++6', 'libgcc-s1'];
/** What of an architecture Debian and the dynamic linker call otherwise. */
const ARCHITECTURES: Readonly<Record<string, { debian: string; triplet: string; linker: string }>> = {
  x64: { debian: 'amd64', triplet: 'x86_64-linux-gnu', linker: 'usr/lib64/ld-linux-x86-64.so.2' },
  arm64: { debian: 'arm64', triplet: 'aarch64-linux-gnu', linker: 'usr/lib/ld-linux-aarch64.so.1' },
};

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
  const { debian, triplet, linker } = ARCHITECTURES[process.arch]!;
  const directory = await cached('fuzzer-libc', [SUITE, debian, LIBRARIES], (target) =>
    step(toStderr, `Unpacking a newer C library (Debian ${SUITE}) for the fuzzer`, async () => {
      const unpack = await unpackPackages(LIBRARIES, debian);
      await command('unpack a newer C library', 'fakeroot', [
        '--',
        ...unpack,
        join(target, 'root'),
        await debianMirror(),
      ]);
    }),
  );
  const root = join(directory, 'root');
  return [join(root, linker), '--library-path', join(root, 'usr/lib', triplet)];
}
