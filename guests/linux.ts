/** The guest kernels: our own from Debian's newest kernel source with guests/linux/kernel.config, and Debian's stock one. */
import { copyFile, readdir, readFile, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { HostError } from '../src/base/errors.ts';
import { command } from '../src/nested/command.ts';
import { megabytes, Progress } from '../src/nested/progress.ts';
import { AptRoot, type DebianPackage, extractDeb } from './apt.ts';
import type { Recipe } from './artifact.ts';
import { checksumOf, GUESTS } from './sources.ts';
import { findToolchain } from './toolchain.ts';

const FRAGMENT = join(GUESTS, 'linux/kernel.config');
/** Lines that make prints for this fragment and Linux 7.3: only the progress line depends on it. */
const MAKE_LINES_EXPECTED = 1860;
/** More jobs than this gain little and need memory. */
const JOBS_MAX = 16;
/** Who built it and when would make every build a different one. */
const REPRODUCIBLE = {
  KBUILD_BUILD_TIMESTAMP: '1970-01-01',
  KBUILD_BUILD_USER: 'orko',
  KBUILD_BUILD_HOST: 'orko',
  KBUILD_BUILD_VERSION: '1',
};

export const linux: Recipe = {
  name: 'linux',
  spaceBytes: 2.6e9,

  async inputs() {
    const [source, toolchain, fragment] = await Promise.all([newestSource(), findToolchain(), checksumOf([FRAGMENT])]);
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
    await make('configure the guest kernel', ['allnoconfig'], { KCONFIG_ALLCONFIG: FRAGMENT });
    const missing = missingLines(await readFile(FRAGMENT, 'utf8'), await readFile(join(tree, '.config'), 'utf8'));
    if (missing.length > 0) {
      throw new HostError(
        `Cannot configure the guest kernel: it does not take ${missing.join(', ')}: correct ${FRAGMENT}`,
      );
    }

    const progress = new Progress('Guest kernel');
    let lines = 0;
    const jobs = Math.min(availableParallelism(), JOBS_MAX);
    await make('build the guest kernel', [`-j${jobs}`, 'Image'], {}, () => {
      lines++;
      progress.update(`${lines} of about ${MAKE_LINES_EXPECTED} steps`);
    });
    const image = join(tree, 'arch/arm64/boot/Image');
    await copyFile(image, join(directory, 'Image'));
    await copyFile(join(tree, '.config'), join(directory, 'Image.config'));
    progress.done(megabytes((await readFile(image)).length));
  },
};

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
