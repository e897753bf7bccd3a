/** The settings and keys of L1: a second initramfs archive, made at every start, that /init copies over the root. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cached } from './cache.ts';
import { command } from './command.ts';
import { type CpioEntry, encodeCpio } from './cpio.ts';
import { GROUP, INITRAMFS_INIT, INITTAB, PASSWD, SSHD_CONFIG, START_SCRIPT } from './l1-scripts.ts';

/** The name that stands for every L1 in the known-hosts file, whatever its port. */
export const HOST_KEY_ALIAS = 'orko-l1';

/** Paths of the keys: ours to log in with, L1's own, and the file by which ssh knows L1's. */
export interface L1Keys {
  readonly client: string;
  readonly host: string;
  readonly knownHosts: string;
}

/** Made once per user; both sides get theirs from here, so nobody else's L1 is taken for ours. */
export async function l1Keys(): Promise<L1Keys> {
  const directory = await cached('l1-keys', HOST_KEY_ALIAS, async (target) => {
    for (const name of ['client', 'host']) {
      const file = join(target, name);
      await command('make an SSH key', 'ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'orko', '-f', file]);
    }
    const hostKey = await readFile(join(target, 'host.pub'), 'utf8');
    await writeFile(join(target, 'known_hosts'), `${HOST_KEY_ALIAS} ${hostKey}`);
  });
  return {
    client: join(directory, 'client'),
    host: join(directory, 'host'),
    knownHosts: join(directory, 'known_hosts'),
  };
}

export async function settingsArchive(keys: L1Keys): Promise<Uint8Array> {
  const files: Record<string, string> = {
    'etc/orko-l1-start': START_SCRIPT,
    'etc/inittab': INITTAB,
    'etc/passwd': PASSWD,
    'etc/group': GROUP,
    'etc/hosts': '127.0.0.1 localhost\n127.0.1.1 orko-l1\n',
    'etc/resolv.conf': 'nameserver 10.0.2.3\n',
    'etc/nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files dns\n',
    'etc/ssh/sshd_config': SSHD_CONFIG,
    'etc/ssh/host_key': await readFile(keys.host, 'utf8'),
    'etc/ssh/authorized_keys': await readFile(`${keys.client}.pub`, 'utf8'),
  };
  const entries: CpioEntry[] = ['settings', 'settings/etc', 'settings/etc/ssh'].map((path) => ({
    kind: 'directory',
    path,
  }));
  for (const [path, text] of Object.entries(files)) {
    // sshd refuses a host key that others could read.
    const isPrivate = path.endsWith('host_key');
    entries.push({ kind: 'file', path: `settings/${path}`, data: Buffer.from(text), isExecutable: true, isPrivate });
  }
  entries.push({ kind: 'file', path: 'init', data: Buffer.from(INITRAMFS_INIT), isExecutable: true });
  return encodeCpio(entries);
}
