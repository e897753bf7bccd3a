/**
 * Builds the guests: `node guests/build.ts [--refresh] [NAME…]`, all of them without a name. Results are cached
 * (guests/artifact.ts) and linked to out/guests. --refresh looks for newer Debian packages first.
 */
import { join } from 'node:path';
import { ConfigError, HostError } from '../src/base/errors.ts';
import { AptRoot } from './apt.ts';
import { linkInto, obtain, type Recipe } from './artifact.ts';
import { hostile } from './hostile.ts';
import { initramfs } from './initramfs.ts';
import { iperf3 } from './iperf3.ts';
import { debianKernel, hostLinux, linux } from './linux.ts';
import { payloads } from './payloads.ts';
import { GUESTS } from './sources.ts';

const OUT = join(GUESTS, '../out/guests');
const RECIPES: readonly Recipe[] = [payloads, hostile, initramfs, iperf3, linux, debianKernel, hostLinux];

/** Builds what is named and gives the linked files' paths. */
export async function buildGuests(names: readonly string[]): Promise<string[]> {
  const unknown = names.find((name) => !RECIPES.some((recipe) => recipe.name === name));
  if (unknown !== undefined) {
    throw new ConfigError(
      `There is no guest ${unknown}: choose from ${RECIPES.map((recipe) => recipe.name).join(', ')}`,
    );
  }
  const paths: string[] = [];
  for (const recipe of RECIPES) {
    if (names.length > 0 && !names.includes(recipe.name)) continue;
    const { directory, files } = await obtain(recipe);
    for (const file of files) {
      const target = join(OUT, file);
      await linkInto(directory, file, target);
      paths.push(target);
    }
  }
  return paths;
}

if (import.meta.main) {
  const args = process.argv.slice(2);
  try {
    if (args.includes('--refresh')) await AptRoot.open(true);
    const paths = await buildGuests(args.filter((arg) => arg !== '--refresh'));
    process.stdout.write(paths.map((path) => `${path}\n`).join(''));
  } catch (error) {
    if (!(error instanceof ConfigError || error instanceof HostError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}
