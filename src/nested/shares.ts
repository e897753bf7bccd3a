/** Which folders of this machine L1 has to see so that a config means the same in it, and what cannot be shown. */
import { lstat, realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ConfigError } from '../base/errors.ts';
import type { NamedPath } from '../config/schema.ts';

/** L1 runs from its own of these; ours on top would take its programs away. Folders below them can be shared. */
const L1_OWN = /^\/((s?bin|lib|lib64|etc|etc\/ssh|run|usr|usr\/(local\/)?(s?bin|lib)|usr\/lib\/aarch64-linux-gnu)?)$/;
/** Kernel interfaces, not files: what is in them belongs to the kernel that shows them. */
const KERNEL_FOLDER = /^\/(dev|proc|sys)(\/|$)/;

/** The folders of all `paths`, and where symbolic links lead. Throws a ConfigError that names what cannot be shared. */
export async function sharedFolders(paths: readonly NamedPath[]): Promise<string[]> {
  const folders = new Set<string>();
  for (const named of paths) {
    await refuseUnshareable(named);
    for (const path of [named.path, await realpath(named.path).catch(() => named.path)]) {
      const folder = dirname(path);
      if (L1_OWN.test(folder)) throw refusal(named, `${folder} is a folder that the Arm host has its own of`, MOVE_IT);
      folders.add(folder);
      folders.add(await realpath(folder));
    }
  }
  return [...folders];
}

const MOVE_IT = 'move the file to a folder of yours';

async function refuseUnshareable(named: NamedPath): Promise<void> {
  if (KERNEL_FOLDER.test(named.path)) {
    throw refusal(named, 'it belongs to the kernel of this machine', 'use "orko-vmm run" on a machine with /dev/kvm');
  }
  const status = await stat(named.path).catch(() => undefined);
  if (status?.isBlockDevice() || status?.isCharacterDevice()) {
    throw refusal(named, 'it is a device of this machine', 'use a file, or "orko-vmm run" on a machine with /dev/kvm');
  }
  if (
    named.access === 'connect' ||
    (named.access === 'read' && (await lstat(named.path).catch(() => undefined))?.isSocket())
  ) {
    throw refusal(named, 'a process of this machine listens on it', 'let the config start that process');
  }
}

function refusal({ path, keyPath }: NamedPath, why: string, remedy: string): ConfigError {
  return new ConfigError(`Cannot share ${path} with the nested machine: ${why}: ${remedy}`, { keyPath });
}
