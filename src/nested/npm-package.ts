/** A package of the npm registry, unpacked and cached: how programs for arm64 reach a machine that cannot run them. */
import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cached } from './cache.ts';
import { command } from './command.ts';
import { type ProgressSink, step } from './progress.ts';

/** Resolves to the folder that holds the package's own package.json. */
export async function npmPackage(name: string, version: string, progress: ProgressSink): Promise<string> {
  const label = name.replace(/^@/, '').replace('/', '-');
  const directory = await cached(`npm-${label}-${version}`, [name, version], (target) =>
    step(progress, `Fetching ${name} ${version}`, async () => {
      // "pack" downloads one package, checks it against the registry's digest and runs none of its scripts.
      await command(`fetch ${name}`, 'npm', ['pack', `${name}@${version}`, '--silent', '--pack-destination', target]);
      for (const tarball of await readdir(target)) {
        await command(`unpack ${name}`, 'tar', ['-xzf', join(target, tarball), '-C', target]);
        await rm(join(target, tarball));
      }
      // Some packages call their top folder by another name than npm does.
      const [top] = await readdir(target);
      if (top !== 'package') await rename(join(target, `${top}`), join(target, 'package'));
    }),
  );
  return join(directory, 'package');
}
