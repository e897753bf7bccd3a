/**
 * Debian's arm64 packages by apt, from a private root in the cache, so that the machine's own package lists stay as they are.
 * The archive is the one that the machine's apt is configured for; its suites here are trixie and trixie-backports.
 */
import { mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError, HostError } from '../src/base/errors.ts';
import { cacheDirectory } from '../src/nested/cache.ts';
import { command } from '../src/nested/command.ts';
import { megabytes, Progress } from '../src/nested/progress.ts';
import { exists, requireSpace, sha256 } from './artifact.ts';

const SUITES = ['trixie', 'trixie-backports'] as const;
export type Suite = (typeof SUITES)[number];

/** Names an archive on machines whose apt knows none of Debian's (Ubuntu, say). */
const MIRROR_VARIABLE = 'ORKO_DEBIAN_MIRROR';
const KEYRINGS = [
  '/usr/share/keyrings/debian-archive-keyring.gpg',
  '/usr/share/keyrings/debian-archive-keyring.pgp',
  '/etc/apt/trusted.gpg.d/debian-archive-trixie-automatic.gpg',
];
const UPDATE_REMEDY = 'check the network and the package debian-archive-keyring, then try again';
const PROGRESS_INTERVAL_MS = 500;
/** The lists compressed and unpacked, and apt's two caches of them. */
const LISTS_BYTES = 200e6;

export interface DebianPackage {
  readonly name: string;
  readonly version: string;
  readonly suite: Suite;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly depends: string;
}

export class AptRoot {
  readonly #directory: string;
  readonly #configuration: string;

  private constructor(directory: string) {
    this.#directory = directory;
    this.#configuration = join(directory, 'apt.conf');
  }

  /** The root with its package lists; they are fetched when there are none or `refresh` asks for it. */
  static async open(refresh = false): Promise<AptRoot> {
    const root = new AptRoot(join(cacheDirectory(), 'apt-arm64'));
    const complete = join(root.#directory, 'complete');
    if (!refresh && (await exists(complete))) return root;
    await mkdir(root.#directory, { recursive: true });
    await requireSpace(root.#directory, LISTS_BYTES, 'fetch the Debian package lists');
    await rm(complete, { force: true });
    await root.#configure();
    const progress = new Progress('Debian arm64 package lists');
    progress.update('fetching');
    const timer = setInterval(() => progress.update('fetching'), PROGRESS_INTERVAL_MS);
    // A list that cannot be fetched is only a warning to apt-get, unless this says otherwise.
    const fetching = root.#apt(
      'fetch the Debian package lists',
      'apt-get',
      ['update', '--error-on=any'],
      UPDATE_REMEDY,
    );
    await fetching.finally(() => clearInterval(timer));
    await writeFile(complete, '');
    progress.done('fetched');
    return root;
  }

  /** The highest version of a package in a suite. */
  async find(name: string, suite: Suite): Promise<DebianPackage> {
    const text = await this.#apt(`find the package ${name}`, 'apt-cache', [
      'show',
      '--no-all-versions',
      `${name}/${suite}`,
    ]);
    const field = (key: string) => new RegExp(`^${key}: (.*)$`, 'm').exec(text)?.[1] ?? '';
    return {
      name,
      version: field('Version'),
      suite,
      sizeBytes: Number(field('Size')),
      sha256: field('SHA256'),
      depends: field('Depends'),
    };
  }

  /** Names of all packages that match a regular expression. */
  async search(pattern: string): Promise<string[]> {
    const text = await this.#apt('search the package lists', 'apt-cache', ['search', '--names-only', pattern]);
    return text.split('\n').flatMap((line) => line.split(' ')[0] || []);
  }

  /** Downloads a package into `directory` and gives its path. */
  async download(wanted: DebianPackage, directory: string): Promise<string> {
    const partial = join(directory, 'download');
    await mkdir(partial, { recursive: true });
    const progress = new Progress(`${wanted.name} ${wanted.version}`);
    const timer = setInterval(() => {
      void bytesIn(partial).then((bytes) => progress.update(`${megabytes(bytes)} of ${megabytes(wanted.sizeBytes)}`));
    }, PROGRESS_INTERVAL_MS);
    try {
      await this.#apt(
        `download ${wanted.name}`,
        'apt-get',
        ['download', `${wanted.name}=${wanted.version}`],
        'check the network, or run with --refresh if the package lists are old',
        partial,
      );
    } finally {
      clearInterval(timer);
    }
    const [file] = (await readdir(partial)).filter((name) => name.endsWith('.deb'));
    if (!file || (await sha256(join(partial, file))) !== wanted.sha256) {
      throw new HostError(`Cannot download ${wanted.name}: what came is not what the package list names: run it again`);
    }
    const path = join(directory, file);
    await rename(join(partial, file), path);
    progress.done(megabytes(wanted.sizeBytes));
    return path;
  }

  async #apt(doing: string, program: string, args: readonly string[], remedy?: string, cwd?: string): Promise<string> {
    const options = {
      env: { APT_CONFIG: this.#configuration },
      ...(cwd ? { cwd } : {}),
      ...(remedy ? { remedy } : {}),
    };
    return command(doing, program, args, options);
  }

  async #configure(): Promise<void> {
    for (const directory of ['sources.list.d', 'preferences.d', 'state/lists/partial', 'cache/archives/partial']) {
      await mkdir(join(this.#directory, directory), { recursive: true });
    }
    const [mirror, keyring, acquire] = await Promise.all([debianMirror(), findKeyring(), machineAcquireOptions()]);
    const sources = SUITES.map((suite) => `deb [arch=arm64 signed-by=${keyring}] ${mirror} ${suite} main\n`);
    await writeFile(join(this.#directory, 'sources.list'), sources.join(''));
    await writeFile(join(this.#directory, 'state/status'), '');
    // Dir::Etc::parts is switched off because hooks in there clean the machine's own caches.
    const settings: [string, string][] = [
      ['Dir::Etc::parts', '/dev/null'],
      ['Dir::Etc::main', '/dev/null'],
      ['Dir::Etc::sourcelist', join(this.#directory, 'sources.list')],
      ['Dir::Etc::sourceparts', join(this.#directory, 'sources.list.d')],
      ['Dir::Etc::preferences', '/dev/null'],
      ['Dir::Etc::preferencesparts', join(this.#directory, 'preferences.d')],
      ['Dir::State', join(this.#directory, 'state')],
      ['Dir::State::status', join(this.#directory, 'state/status')],
      ['Dir::Cache', join(this.#directory, 'cache')],
      ['APT::Architecture', 'arm64'],
      ['APT::Architectures::', 'arm64'],
      ['APT::Sandbox::User', 'root'],
      ['Acquire::Languages', 'none'],
    ];
    const lines = settings.map(([key, value]) => `${key} "${value}";\n`);
    await writeFile(this.#configuration, [...acquire, ...lines].join(''));
  }
}

/** Unpacks a .deb without running anything of it. */
export async function extractDeb(path: string, directory: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  await command(`unpack ${path}`, 'dpkg-deb', ['-x', path, directory], { remedy: 'install dpkg' });
}

async function debianMirror(): Promise<string> {
  const named = process.env[MIRROR_VARIABLE];
  if (named) return named;
  const format = '$(REPO_URI) $(RELEASE) $(COMPONENT)';
  const targets = await command(
    "read apt's configuration",
    'apt-get',
    ['indextargets', '--format', format, 'Created-By: Packages'],
    {
      remedy: 'guests are made from Debian packages: run this on Debian or a relative with apt',
    },
  );
  // Debian's own main suites have plain names; those with a dash (updates, security) come from other paths or go with them.
  for (const line of targets.split('\n')) {
    const [uri, release, component] = line.split(' ');
    if (uri && /\/debian\/?$/.test(uri) && component === 'main' && release && !release.includes('-')) return uri;
  }
  throw new ConfigError(
    `Cannot find a Debian archive in apt's configuration: set ${MIRROR_VARIABLE} to the URL of one`,
  );
}

async function findKeyring(): Promise<string> {
  for (const keyring of KEYRINGS) if (await exists(keyring)) return keyring;
  throw new HostError('Cannot verify Debian packages: no archive keyring was found: install debian-archive-keyring');
}

/** Proxies, time-outs and retries of the machine apply here too. */
async function machineAcquireOptions(): Promise<string[]> {
  const dump = await command("read apt's configuration", 'apt-config', ['dump', 'Acquire']);
  return dump
    .split('\n')
    .filter((line) => /^Acquire::[^ ]+ ".+";$/.test(line))
    .map((line) => `${line}\n`);
}

async function bytesIn(directory: string): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(directory, { recursive: true }).catch(() => [])) {
    bytes += await stat(join(directory, name)).then(
      (entry) => (entry.isFile() ? entry.size : 0),
      () => 0,
    );
  }
  return bytes;
}
