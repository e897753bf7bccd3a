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

/** Shell words that unpack `packages` and what they depend on into "$1" (for `shellInFakeroot`). */
export async function unpackPackages(packages: readonly string[], architecture = 'arm64'): Promise<string[]> {
  return [
    'mmdebstrap',
    // With fakeroot around it this mode neither mounts nor changes root, whoever runs it.
    '--mode=root',
    '--variant=extract',
    `--arch=${architecture}`,
    ...(await proxyOptions()),
    `--include=${packages.join(',')}`,
    SUITE,
  ];
}

/** mmdebstrap gives apt a configuration of its own; how to reach the network has to be handed on. */
async function proxyOptions(): Promise<string[]> {
  const dump = await command('read the apt configuration', 'apt-config', ['dump']);
  return dump
    .split('\n')
    .filter((line) => /^Acquire::[^ ]*(proxy|timeout|retries)[^ ]* "..*";$/i.test(line))
    .map((line) => `--aptopt=${line}`);
}
