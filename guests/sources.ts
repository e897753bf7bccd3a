/** The files of this directory that a recipe compiles, as paths and as one checksum for its key. */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';

/** This directory: guests/. */
export const GUESTS = import.meta.dirname;

/** All files below guests/<folder>, sorted, as absolute paths. */
export async function sourcesBelow(folder: string): Promise<string[]> {
  const root = join(GUESTS, folder);
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** One checksum over names and contents. */
export async function checksumOf(paths: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const path of paths) {
    const data = await readFile(path);
    hash.update(`${relative(GUESTS, path)} ${data.length}\n`).update(data);
  }
  return hash.digest('hex');
}
