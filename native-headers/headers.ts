/**
 * Where the kernel's headers and the arm64 C compiler come from. The C library's headers are the system's; the kernel's
 * own come from a newer package than most systems have installed, because src/abi names what new kernels can do:
 * Debian's `linux-libc-dev`, one package for all architectures, unpacked into the cache and never installed.
 */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { basename, join } from 'node:path';

/** The suite whose kernel the guests are built from too, so that both know the same devices. */
const SUITE = 'trixie-backports';
const PACKAGE = 'linux-libc-dev';
const PARTIAL = '.partial';
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

export interface Headers {
  /** What they are, for people: "linux-libc-dev 6.12.1-1". */
  readonly origin: string;
  /** Folders for `-isystem`, first one first. Empty: the compiler's own. */
  readonly folders: readonly string[];
}

/** A GCC that makes arm64 code (12 or newer, for -gbtf), or undefined. */
export function findCompiler(): string | undefined {
  return ['gcc', 'aarch64-linux-gnu-gcc'].find((name) => {
    try {
      return execFileSync(name, ['-dumpmachine'], { encoding: 'utf8', stdio: 'pipe' }).startsWith('aarch64');
    } catch {
      return false;
    }
  });
}

/** The newest kernel headers in the cache; those of ORKO_VMM_KERNEL_HEADERS (a `make headers_install` tree) go first. */
export function cachedHeaders(): Headers | undefined {
  const own = process.env['ORKO_VMM_KERNEL_HEADERS'];
  if (own) return { origin: `Linux ${versionOf([own])}`, folders: [own] };
  const versions = existsSync(cacheFolder()) ? readdirSync(cacheFolder()) : [];
  return versions
    .filter((version) => !version.endsWith(PARTIAL))
    .map((version) => unpacked(join(cacheFolder(), version)))
    .filter(({ folders }) => versionCode(folders) > 0)
    .sort((a, b) => versionCode(a.folders) - versionCode(b.folders))
    .at(-1);
}

/** The headers of the newest package in SUITE, from the mirror apt already uses. apt's own state is left alone. */
export function fetchHeaders(): Headers {
  const root = mkdtempSync(join(tmpdir(), 'orko-vmm-headers-'));
  try {
    writeFileSync(join(root, 'sources.list'), `deb [signed-by=${KEYRING}] ${debianMirror()} ${SUITE} main\n`);
    writeFileSync(join(root, 'status'), '');
    mkdirSync(join(root, 'lists/partial'), { recursive: true });
    const options = {
      'Dir::Etc::SourceList': join(root, 'sources.list'),
      'Dir::Etc::SourceParts': '/dev/null',
      'Dir::State::Lists': join(root, 'lists'),
      'Dir::State::Status': join(root, 'status'),
      'Dir::Cache': root,
      'APT::Architecture': 'arm64',
      'APT::Architectures': 'arm64',
      'APT::Sandbox::User': '',
      'Acquire::Languages': 'none',
    };
    const flags = Object.entries(options).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
    for (const command of [['update'], ['download', PACKAGE]]) {
      execFileSync('apt-get', [...flags, '-q', ...command], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
    }
    const file = readdirSync(root).find((name) => name.endsWith('.deb'));
    if (!file) throw new Error(`Cannot fetch ${PACKAGE} from ${SUITE}: apt-get left no file`);
    return unpack(join(root, file));
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

function debianMirror(): string {
  const targets = execFileSync('apt-get', ['indextargets', '--format', '$(REPO_URI)'], { encoding: 'utf8' });
  const mirror = targets.split('\n').find((line) => /\/debian\/?$/.test(line));
  if (!mirror) throw new Error(`Cannot fetch ${PACKAGE}: apt knows no Debian mirror: set ORKO_VMM_KERNEL_HEADERS`);
  return mirror;
}

/** Unpacks `name_version_all.deb` into the cache, all of it or nothing. */
function unpack(deb: string): Headers {
  const version = decodeURIComponent(basename(deb).split('_')[1]!);
  const home = join(cacheFolder(), version);
  if (!existsSync(home)) {
    const partial = `${home}.${process.pid}${PARTIAL}`;
    mkdirSync(partial, { recursive: true });
    execFileSync('dpkg-deb', ['-x', deb, partial]);
    renameSync(partial, home);
  }
  return unpacked(home);
}

/** LINUX_VERSION_CODE of a header tree. */
export function versionCode(folders: readonly string[]): number {
  for (const folder of folders) {
    const file = join(folder, 'linux/version.h');
    if (existsSync(file)) return Number(/LINUX_VERSION_CODE (\d+)/.exec(readFileSync(file, 'utf8'))?.[1]);
  }
  return 0;
}

function versionOf(folders: readonly string[]): string {
  const code = versionCode(folders);
  return `${code >> 16}.${(code >> 8) & 255}.${code & 255}`;
}

function unpacked(home: string): Headers {
  const include = join(home, 'usr/include');
  return { origin: `${PACKAGE} ${basename(home)}`, folders: [join(include, 'aarch64-linux-gnu'), include] };
}

function cacheFolder(): string {
  return join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'orko-vmm/kernel-headers');
}
