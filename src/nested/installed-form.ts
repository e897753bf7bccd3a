/** The folder of the installed orko-vmm, which L1 runs: the one we run from, or in a checkout a fresh `make dist`. */
import { join } from 'node:path';
import { command } from './command.ts';

/** Where the bundle lies in the package (`.ci/dist.ts` puts it there). */
const PACKAGE_OF_BUNDLE = '../..';
const TREE_OF_SOURCE = '../..';

export async function installedForm(): Promise<string> {
  if (!import.meta.filename.endsWith('.ts')) return join(import.meta.dirname, PACKAGE_OF_BUNDLE);
  const tree = join(import.meta.dirname, TREE_OF_SOURCE);
  await command('bundle orko-vmm', join(tree, 'node_modules/.bin/node'), [join(tree, '.ci/dist.ts')]);
  return join(tree, 'out/package');
}
