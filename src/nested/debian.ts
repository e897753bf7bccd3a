/** Debian packages, unpacked without running any of their code, from the mirror this machine's apt uses. */
import { HostError } from '../base/errors.ts';
import { command } from './command.ts';

/** The release the Arm host is made of. Debian 12's keyring knows its keys. */
export const SUITE = 'trixie';

/** Mirror of the Debian archive, as apt has it configured; ORKO_DEBIAN_MIRROR wins (and serves other distributions). */
export async function debianMirror(): Promise<string> {
  const named = process.env['ORKO_DEBIAN_MIRROR'];
  if (named) return named;
  const format = '$(ORIGIN)|$(CODENAME)|$(COMPONENT)|$(REPO_URI)';
  const targets = await command('ask apt for its mirror', 'apt-get', ['indextargets', '--format', format]);
  for (const line of targets.split('\n')) {
    const [origin, codename, component, uri] = line.split('|');
    // The security and update archives hold only what changed; a codename without a suffix is the main archive.
    if (origin === 'Debian' && component === 'main' && uri && /^[a-z]+$/.test(codename ?? '')) return uri;
  }
  throw new HostError(
    'Cannot find a Debian mirror in the apt configuration: run "apt-get update", or set ORKO_DEBIAN_MIRROR to the address of one',
  );
}

/** Packages of another suite than SUITE, without what they depend on: unpacked into a folder of their own, or among the others. */
export interface Addition {
  readonly suite: string;
  readonly packages: readonly string[];
  /** In the root, "opt/qemu-11": '' is the root itself. */
  readonly folder: string;
}

export interface UnpackOptions {
  /** Debian's name of it: "amd64". */
  readonly architecture?: string;
  /** The release that packages are taken from when nothing else is said. */
  readonly suite?: string;
  readonly additions?: readonly Addition[];
}

/** Shell words that unpack `packages` and what they depend on, then `additions`; the target and the mirror are to follow. */
export async function unpackPackages(
  packages: readonly string[],
  { architecture = 'arm64', suite = SUITE, additions = [] }: UnpackOptions = {},
): Promise<string[]> {
  return [
    'mmdebstrap',
    // With fakeroot around it this mode neither mounts nor changes root, whoever runs it.
    '--mode=root',
    '--variant=extract',
    `--arch=${architecture}`,
    ...(await proxyOptions()),
    ...(await additionOptions(additions)),
    `--include=${packages.join(',')}`,
    suite,
  ];
}

/** Without Default-Release, apt would take everything from the newest suite that it knows. */
async function additionOptions(additions: readonly Addition[]): Promise<string[]> {
  if (additions.length === 0) return [];
  const mirror = await debianMirror();
  const suites = [...new Set(additions.map(({ suite }) => suite))];
  const sources = suites.map((suite) => `deb ${mirror} ${suite} main`).join('\n');
  const hooks = additions.map(
    ({ suite, packages, folder }) => `--extract-hook=
set -e
mkdir -p "$1/additions" "$1/${folder}" && cd "$1/additions"
APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get -q download ${packages.map((name) => `${name}/${suite}`).join(' ')} >&2
for package in *.deb; do dpkg-deb -x "$package" "$1/${folder}"; done
cd / && rm -r "$1/additions"`,
  );
  return [
    `--aptopt=APT::Default-Release "${SUITE}"`,
    `--setup-hook=echo '${sources}' >"$1/etc/apt/sources.list.d/additions.list"`,
    ...hooks,
  ];
}

/** mmdebstrap gives apt a configuration of its own; how to reach the network, and how old lists may be, has to be handed on. */
async function proxyOptions(): Promise<string[]> {
  const dump = await command('read the apt configuration', 'apt-config', ['dump']);
  return dump
    .split('\n')
    .filter((line) => /^Acquire::[^ ]*(proxy|timeout|retries|check-valid-until|check-date)[^ ]* "..*";$/i.test(line))
    .map((line) => `--aptopt=${line}`);
}
