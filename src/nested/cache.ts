/**
 * The cache of everything downloaded or built: one folder per entry, named for a hash of what it was made from.
 * An entry is made under another name and renamed when it is whole, so a half-made one is never seen.
 */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { HostError } from '../base/errors.ts';

/** Written last: the size of every file at the top of the entry. */
const STAMP = '.complete.json';
const LOCK_POLL_MS = 500;

export function cacheDirectory(): string {
  return join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'orko-vmm');
}

/** A short name for whatever `inputs` holds: the same inputs, the same name. */
export function contentHash(inputs: unknown): string {
  return createHash('sha256').update(JSON.stringify(inputs)).digest('hex').slice(0, 12);
}

/**
 * The folder of entry `name` made from `inputs`; `build` fills an empty folder when there is no whole one yet. `works` looks deeper
 * than sizes into one that is there.
 */
export async function cached(
  name: string,
  inputs: unknown,
  build: (directory: string) => Promise<unknown>,
  works: (directory: string) => Promise<boolean> = async () => true,
): Promise<string> {
  const entry = join(cacheDirectory(), `${name}-${contentHash(inputs)}`);
  const isUsable = async () => (await isWhole(entry)) && (await works(entry));
  if (await isUsable()) return entry;
  try {
    await mkdir(cacheDirectory(), { recursive: true });
    await using _lock = await lock(`${entry}.lock`);
    if (await isUsable()) return entry;
    const partial = `${entry}.partial`;
    await rm(partial, { recursive: true, force: true });
    await mkdir(partial);
    try {
      await build(partial);
      await writeFile(join(partial, STAMP), JSON.stringify(await fileSizes(partial)));
      await rm(entry, { recursive: true, force: true });
      await rename(partial, entry);
    } finally {
      await rm(partial, { recursive: true, force: true });
    }
  } catch (error) {
    throw inWords(name, error);
  }
  return entry;
}

async function isWhole(entry: string): Promise<boolean> {
  try {
    const stamp = JSON.parse(await readFile(join(entry, STAMP), 'utf8')) as Record<string, number>;
    const sizes = await fileSizes(entry);
    return Object.entries(stamp).every(([file, size]) => sizes[file] === size);
  } catch {
    return false;
  }
}

async function fileSizes(directory: string): Promise<Record<string, number>> {
  const sizes: Record<string, number> = {};
  for (const file of await readdir(directory, { withFileTypes: true })) {
    if (file.isFile() && file.name !== STAMP) sizes[file.name] = (await stat(join(directory, file.name))).size;
  }
  return sizes;
}

/** One builder per entry: the file holds the builder's pid, and a dead builder's lock is taken over. */
export async function lock(path: string): Promise<AsyncDisposable> {
  for (;;) {
    try {
      await writeFile(path, String(process.pid), { flag: 'wx' });
      return { [Symbol.asyncDispose]: () => rm(path, { force: true }) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const owner = Number(await readFile(path, 'utf8').catch(() => ''));
    if (owner > 0 && !isAlive(owner)) await rm(path, { force: true });
    else await sleep(LOCK_POLL_MS);
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function inWords(name: string, error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOSPC') {
    return new HostError(
      `Cannot make ${name}: the disk of ${cacheDirectory()} is full: free some space or set XDG_CACHE_HOME`,
    );
  }
  if (code === 'EACCES' || code === 'EROFS') {
    return new HostError(
      `Cannot make ${name}: ${cacheDirectory()} cannot be written (${code}): set XDG_CACHE_HOME to a folder of yours`,
    );
  }
  return error;
}
