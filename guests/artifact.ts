/**
 * The cache of what is built: one directory for each set of inputs, made beside its final name and renamed when it is
 * complete, so that whatever was cut off is never mistaken for a result; checked against its checksums before every use.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { access, link, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { HostError } from '../src/base/errors.ts';
import { cacheDirectory, isAlive, lock } from '../src/nested/cache.ts';
import { megabytes } from '../src/nested/progress.ts';

const MANIFEST = 'manifest.json';

export interface Recipe {
  readonly name: string;
  /** Everything that the result depends on: versions, checksums, command lines. */
  inputs(): Promise<Readonly<Record<string, string>>>;
  /** Room that making it needs, the result included. */
  readonly spaceBytes: number;
  /** Leaves the result, and nothing else, in `directory`; `scratch` is thrown away. */
  make(directory: string, scratch: string): Promise<void>;
}

interface Manifest {
  inputs: Readonly<Record<string, string>>;
  /** File name → SHA-256. */
  files: Record<string, string>;
}

/** The directory that holds the recipe's files, built if it has to be. */
export async function obtain(recipe: Recipe): Promise<{ directory: string; files: string[]; isNew: boolean }> {
  const inputs = await recipe.inputs();
  const key = createHash('sha256').update(JSON.stringify(inputs)).digest('hex').slice(0, 16);
  const parent = join(cacheDirectory(), 'guests');
  const directory = join(parent, `${recipe.name}-${key}`);
  const found = await filesOf(directory);
  if (found) return { directory, files: found, isNew: false };

  try {
    await mkdir(parent, { recursive: true });
    await using _lock = await lock(`${directory}.lock`);
    const foundMeanwhile = await filesOf(directory);
    if (foundMeanwhile) return { directory, files: foundMeanwhile, isNew: false };
    await requireSpace(parent, recipe.spaceBytes, `build ${recipe.name}`);
    await removeAbandoned(parent);
    const work = await mkdtemp(join(parent, `.${process.pid}-`));
    try {
      await buildIn(work, recipe, inputs);
      // A damaged one makes way.
      await rm(directory, { recursive: true, force: true });
      await rename(join(work, 'result'), directory);
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  } catch (error) {
    throw explain(error, recipe.name, parent);
  }
  return { directory, files: (await filesOf(directory)) ?? [], isNew: true };
}

/** Work of builds that were killed: `.PID-…` of a process that is no more. */
async function removeAbandoned(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    const pid = /^\.(\d+)-/.exec(name)?.[1];
    if (pid && !isAlive(Number(pid))) await rm(join(parent, name), { recursive: true, force: true });
  }
}

async function buildIn(work: string, recipe: Recipe, inputs: Manifest['inputs']): Promise<void> {
  const result = join(work, 'result');
  const scratch = join(work, 'scratch');
  await mkdir(result);
  await mkdir(scratch);
  await recipe.make(result, scratch);
  const files: Record<string, string> = {};
  for (const file of await readdir(result)) files[file] = await sha256(join(result, file));
  await writeFile(join(result, MANIFEST), JSON.stringify({ inputs, files } satisfies Manifest, null, 2));
}

/** The names of a complete, undamaged result's files; undefined when it has to be built. */
async function filesOf(directory: string): Promise<string[] | undefined> {
  let manifest: Manifest;
  try {
    manifest = JSON.parse(await readFile(join(directory, MANIFEST), 'utf8')) as Manifest;
  } catch {
    return undefined;
  }
  for (const [file, expected] of Object.entries(manifest.files)) {
    const actual = await sha256(join(directory, file)).catch(() => 'missing');
    if (actual === expected) continue;
    process.stderr.write(`${join(directory, file)} is damaged: building it again\n`);
    return undefined;
  }
  return Object.keys(manifest.files);
}

/** Hard links survive a cleaned cache and look the same wherever the tree is mounted; across file systems it is a copy. */
export async function linkInto(directory: string, file: string, target: string): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  const from = join(directory, file);
  const [source, present] = await Promise.all([stat(from), stat(target).catch(() => undefined)]);
  if (present && present.ino === source.ino && present.dev === source.dev) return;
  const temporary = `${target}.${process.pid}`;
  try {
    await link(from, temporary);
  } catch {
    await writeFile(temporary, await readFile(from));
  }
  await rename(temporary, target);
}

/** Asked beforehand because a full disk in the middle makes apt hang and compilers mumble. */
export async function requireSpace(directory: string, bytes: number, doing: string): Promise<void> {
  const { bavail, bsize } = await statfs(directory);
  if (bavail * bsize >= bytes) return;
  const needs = `${megabytes(bytes)} in ${directory}, of which ${megabytes(bavail * bsize)} are free`;
  throw new HostError(`Cannot ${doing}: it needs ${needs}: free some, or set XDG_CACHE_HOME`);
}

export async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Uint8Array);
  return hash.digest('hex');
}

export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

function explain(error: unknown, name: string, parent: string): unknown {
  const code = (error as NodeJS.ErrnoException).code;
  const message = error instanceof Error ? error.message : '';
  if (
    code === 'ENOSPC' ||
    code === 'EDQUOT' ||
    /No space left on device|Disk quota exceeded|the disk is full/.test(message)
  ) {
    return new HostError(`Cannot build ${name}: no space is left in ${parent}: free some, or set XDG_CACHE_HOME`);
  }
  if (code === 'EACCES' || code === 'EROFS') {
    return new HostError(`Cannot build ${name}: ${parent} is not writable: set XDG_CACHE_HOME`);
  }
  return error;
}
