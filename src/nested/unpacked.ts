/**
 * Programs and libraries of a Debian release, unpacked with all that they load, in the cache: they run here whatever release
 * this machine has, and nothing of them is installed.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { cached } from './cache.ts';
import { command } from './command.ts';
import { debianMirror, unpackPackages } from './debian.ts';
import { type ProgressSink, step } from './progress.ts';

/** What of an architecture Debian and the dynamic linker call otherwise. */
const ARCHITECTURES: Readonly<Record<string, { debian: string; triplet: string; linker: string }>> = {
  x64: { debian: 'amd64', triplet: 'x86_64-linux-gnu', linker: 'ld-linux-x86-64.so.2' },
  arm64: { debian: 'arm64', triplet: 'aarch64-linux-gnu', linker: 'ld-linux-aarch64.so.1' },
};

export interface Unpacking {
  /** Of the cache's entry. */
  readonly name: string;
  /** For the user: "a newer C library for the fuzzer". */
  readonly what: string;
  /** The release, then others that packages may be taken from. */
  readonly suites: readonly [string, ...string[]];
  /** As apt wants them: a name, or with a version, "qemu-system-arm=1:10.0*". */
  readonly packages: readonly string[];
  /** A program and its arguments, in the unpacked folder: it ends with 0 where all is there that it needs. */
  proof(root: string): readonly string[];
}

export interface Unpacked {
  /** What is `/` to the packages. */
  readonly root: string;
  /** The words before the path of a program, by which it finds these libraries and no others. */
  readonly linker: readonly string[];
}

export async function unpacked(
  { name, what, suites, packages, proof }: Unpacking,
  progress: ProgressSink,
): Promise<Unpacked> {
  const { debian, triplet, linker } = ARCHITECTURES[process.arch]!;
  const within = (directory: string): Unpacked => {
    const root = join(directory, 'root');
    // Up to Debian 12 packages put some libraries into /lib.
    const folders = ['usr/lib', 'lib'].map((folder) => join(root, folder, triplet)).filter((path) => existsSync(path));
    const loader = folders.map((folder) => join(folder, linker)).find((path) => existsSync(path));
    return { root, linker: [loader ?? linker, '--library-path', folders.join(':')] };
  };
  const prove = (directory: string) => {
    const { root, linker } = within(directory);
    const [program, ...words] = [...linker, ...proof(root)];
    return command(`use ${what}`, program!, words);
  };
  const directory = await cached(
    name,
    [suites, debian, packages],
    (target) =>
      step(progress, `Unpacking ${what} (Debian ${suites.at(-1)})`, async () => {
        const unpack = await unpackPackages(packages, { architecture: debian, suite: suites[0] });
        const mirror = await debianMirror();
        const sources = suites.map((suite) => `deb ${mirror} ${suite} main`);
        await command(`unpack ${what}`, 'fakeroot', ['--', ...unpack, join(target, 'root'), ...sources]);
        await prove(target);
      }),
    (entry) =>
      prove(entry).then(
        () => true,
        () => false,
      ),
  );
  return within(directory);
}
