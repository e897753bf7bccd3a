/**
 * Kernels: the guests' own from Debian's newest kernel source with guests/linux/kernel.config, Debian's stock one, and one for an Arm
 * host that has what no kernel of Debian's has (guests/linux/host.config).
 */
import { copyFile, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { HostError } from '../src/base/errors.ts';
import { command } from '../src/nested/command.ts';
import { megabytes, Progress } from '../src/nested/progress.ts';
import { AptRoot, type DebianPackage, extractDeb } from './apt.ts';
import type { Recipe } from './artifact.ts';
import { checksumOf, GUESTS } from './sources.ts';
import { findToolchain } from './toolchain.ts';

const GUEST_FRAGMENT = join(GUESTS, 'linux/kernel.config');
const HOST_FRAGMENT = join(GUESTS, 'linux/host.config');
/** More jobs than this gain little and need memory. */
const JOBS_MAX = 16;
/** Who built it and when would make every build a different one. */
const REPRODUCIBLE = {
  KBUILD_BUILD_TIMESTAMP: '1970-01-01',
  KBUILD_BUILD_USER: 'orko',
  KBUILD_BUILD_HOST: 'orko',
  KBUILD_BUILD_VERSION: '1',
};

interface OwnKernel {
  /** Of the recipe. */
  readonly name: string;
  /** In messages. */
  readonly title: string;
  /** The later ones win. */
  readonly fragments: readonly string[];
  /** Of the file that is made; one with `.config` behind it says what it was made from. */
  readonly image: string;
  /** Lines that make prints for these fragments and Linux 7.3: only the progress line depends on it. */
  readonly makeLines: number;
}

export const linux = ownKernel({
  name: 'linux',
  title: 'guest kernel',
  fragments: [GUEST_FRAGMENT],
  image: 'Image',
  makeLines: 1860,
});

/** A host has what its guests have, and more. */
export const hostLinux = ownKernel({
  name: 'host-linux',
  title: "Arm host's kernel",
  fragments: [GUEST_FRAGMENT, HOST_FRAGMENT],
  image: 'HostImage',
  makeLines: 2150,
});

function ownKernel({ name, title, fragments, image, makeLines }: OwnKernel): Recipe {
  return {
    name,
    spaceBytes: 2.6e9,

    async inputs() {
      const [source, toolchain, fragment] = await Promise.all([newestSource(), findToolchain(), checksumOf(fragments)]);
      return {
        package: source.name,
        version: source.version,
        sha256: source.sha256,
        compiler: toolchain.version,
        fragment,
      };
    },

    async make(directory, scratch) {
      const toolchain = await findToolchain();
      const tree = await unpackSource(await newestSource(), scratch);
      const make = makeIn(tree, toolchain.prefix);
      const texts = await Promise.all(fragments.map((path) => readFile(path, 'utf8')));
      const wanted = join(scratch, 'fragment');
      await writeFile(wanted, texts.join('\n'));
      await make(`configure the ${title}`, ['allnoconfig'], { KCONFIG_ALLCONFIG: wanted });
      const config = await readFile(join(tree, '.config'), 'utf8');
      const missing = texts.flatMap((text) => missingLines(text, config));
      if (missing.length > 0) {
        throw new HostError(
          `Cannot configure the ${title}: it does not take ${missing.join(', ')}: correct ${fragments.join(' or ')}`,
        );
      }

      const progress = new Progress(title[0]!.toUpperCase() + title.slice(1));
      let lines = 0;
      const jobs = Math.min(availableParallelism(), JOBS_MAX);
      await make(`build the ${title}`, [`-j${jobs}`, 'Image'], {}, () => {
        lines++;
        progress.update(`${lines} of about ${makeLines} steps`);
      });
      const built = join(tree, 'arch/arm64/boot/Image');
      await copyFile(built, join(directory, image));
      await copyFile(join(tree, '.config'), join(directory, `${image}.config`));
      progress.done(megabytes((await readFile(built)).length));
    },
  };
}

/** Debian 13's own kernel, as it is in its package; its drivers are modules. */
export const debianKernel: Recipe = {
  name: 'debian-kernel',
  spaceBytes: 500e6,

  async inputs() {
    const { name, version, sha256 } = await stockKernel();
    return { package: name, version, sha256 };
  },

  async make(directory, scratch) {
    const apt = await AptRoot.open();
    const deb = await apt.download(await stockKernel(), scratch);
    const unpacked = join(scratch, 'unpacked');
    await extractDeb(deb, unpacked);
    const boot = join(unpacked, 'boot');
    const [kernel] = (await readdir(boot)).filter((name) => name.startsWith('vmlinuz-'));
    if (!kernel) throw new HostError(`Cannot find a kernel in ${deb}: the package is not laid out as expected`);
    await copyFile(join(boot, kernel), join(directory, 'debian-Image'));
  },
};

/** The lines of a fragment that a .config lacks; an option that is absent counts as "is not set". */
export function missingLines(fragment: string, config: string): string[] {
  const present = new Set(config.split('\n'));
  const names = new Set(config.split('\n').flatMap((line) => /^(CONFIG_\w+)=/.exec(line)?.[1] ?? []));
  return fragment.split('\n').filter((line) => {
    const unset = /^# (CONFIG_\w+) is not set$/.exec(line)?.[1];
    if (unset) return names.has(unset);
    return line.startsWith('CONFIG_') && !present.has(line);
  });
}

async function newestSource(): Promise<DebianPackage> {
  const apt = await AptRoot.open();
  const names = await apt.search('^linux-source-[0-9.]+$');
  const [newest] = names.sort((a, b) => b.localeCompare(a, 'en', { numeric: true }));
  if (!newest) throw new HostError('Cannot find a kernel source in the Debian package lists: run with --refresh');
  return apt.find(newest, 'trixie-backports');
}

async function stockKernel(): Promise<DebianPackage> {
  const apt = await AptRoot.open();
  const { depends } = await apt.find('linux-image-arm64', 'trixie');
  const name = /^(\S+)/.exec(depends)?.[1];
  if (!name) throw new HostError('Cannot find what linux-image-arm64 depends on: run with --refresh');
  return apt.find(name, 'trixie');
}

async function unpackSource(source: DebianPackage, scratch: string): Promise<string> {
  const apt = await AptRoot.open();
  const deb = await apt.download(source, scratch);
  const progress = new Progress(`Unpacking ${source.name}`);
  progress.update('about 1.6 GB');
  const unpacked = join(scratch, 'deb');
  await extractDeb(deb, unpacked);
  const tarball = join(unpacked, 'usr/src', `${source.name}.tar.xz`);
  await command(`unpack ${source.name}`, 'tar', ['-xf', tarball, '-C', scratch], { remedy: 'install xz-utils' });
  await rm(unpacked, { recursive: true });
  await rm(deb);
  progress.done('unpacked');
  return join(scratch, source.name);
}

function makeIn(tree: string, prefix: string) {
  const remedy = 'install make, gcc, flex, bison, bc, libc6-dev and the arm64 compiler';
  const fixed = { ...REPRODUCIBLE, ARCH: 'arm64', CROSS_COMPILE: prefix };
  return (doing: string, args: string[], env: Record<string, string>, onLine?: (line: string) => void) =>
    command(doing, 'make', args, { cwd: tree, env: { ...fixed, ...env }, remedy, ...(onLine ? { onLine } : {}) });
}
