/** This checkout as L1 needs it: the tree at the same path, with koffi's arm64 build where this machine has its own. */
import { mkdir, readFile, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { cacheDirectory, cached } from './cache.ts';
import { quote } from './l1.ts';
import { npmPackage } from './npm-package.ts';
import type { ProgressSink } from './progress.ts';

/** The folder of package.json. */
export const TREE = join(import.meta.dirname, '../..');

export interface DevTree {
  /** Folders to share with L1. */
  readonly shares: readonly string[];
  /** Shell commands to run in L1 before it is used. */
  readonly prepare: string;
}

interface Lock {
  packages: Record<string, { version: string }>;
}

export async function devTree(progress: ProgressSink): Promise<DevTree> {
  const { packages } = JSON.parse(await readFile(join(TREE, 'package-lock.json'), 'utf8')) as Lock;
  const native = '@koromix/koffi-linux-arm64';
  const source = await npmPackage(native, packages[`node_modules/${native}`]?.version ?? '', progress);
  const scope = await cached('koffi-arm64', [native, source], async (target) => {
    await mkdir(join(target, dirname(native)));
    await symlink(source, join(target, native));
  });
  return {
    shares: [TREE, cacheDirectory()],
    prepare: `mount --bind ${quote(join(scope, dirname(native)))} ${quote(join(TREE, 'node_modules', dirname(native)))}`,
  };
}
