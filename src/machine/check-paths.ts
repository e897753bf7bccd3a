/** Looks for the files that a config names before anything is started, so that the message has the line of the key. */
import { accessSync, constants, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { ConfigError } from '../base/errors.ts';
import { placeOf } from '../config/places.ts';
import { errorAt } from '../config/reading.ts';
import type { NamedPath, VmConfig } from '../config/schema.ts';

/** sun_path holds 108 bytes with the terminating zero (unix(7)). */
const SOCKET_PATH_BYTES_MAX = 107;

/** Throws a ConfigError for the first path that cannot be what its key needs. */
export function checkPaths(config: VmConfig): void {
  const [first] = pathProblems(config);
  if (first) throw first;
}

/** A ConfigError for each path that cannot be what its key needs. */
export function pathProblems(config: VmConfig): readonly ConfigError[] {
  const problems: ConfigError[] = [];
  for (const named of config.paths) {
    const problem = PROBLEM_OF[named.access](named);
    if (problem) problems.push(errorAt(placeOf(config, named.keyPath), named.keyPath, problem));
  }
  return problems;
}

const PROBLEM_OF: Record<NamedPath['access'], (named: NamedPath) => string | undefined> = {
  read: problemOfInput,
  create: problemOfOutput,
  socket: (named) => problemOfSocket(named) ?? problemOfOutput(named),
  // It may come later; the folder in which it is waited for has to be there.
  connect: (named) => problemOfSocket(named) ?? problemOfFolder(named),
};

function problemOfInput({ path }: NamedPath): string | undefined {
  const kind = kindOf(path);
  if (kind === 'missing') return `Cannot open ${path}: there is no such file: check the path`;
  if (kind === 'directory') return `Cannot open ${path}: it is a directory: name the file in it`;
  return isAllowed(path, constants.R_OK)
    ? undefined
    : `Cannot open ${path}: you may not read it: change its permissions`;
}

function problemOfSocket({ path }: NamedPath): string | undefined {
  const bytes = Buffer.byteLength(path);
  return bytes <= SOCKET_PATH_BYTES_MAX
    ? undefined
    : `Cannot use the socket ${path}: its path has ${bytes} bytes and at most ${SOCKET_PATH_BYTES_MAX} fit: choose a shorter path`;
}

function problemOfOutput({ path }: NamedPath): string | undefined {
  if (kindOf(path) === 'directory') return `Cannot create ${path}: it is a directory: name a file in it`;
  const directory = dirname(path);
  if (kindOf(directory) !== 'directory') {
    return `Cannot create ${path}: there is no directory ${directory}: create it, or choose another path`;
  }
  const mayCreate = kindOf(path) === 'missing' ? isAllowed(directory, constants.W_OK) : isAllowed(path, constants.W_OK);
  return mayCreate ? undefined : `Cannot create ${path}: you may not write there: choose another path`;
}

function problemOfFolder({ path }: NamedPath): string | undefined {
  const directory = dirname(path);
  if (kindOf(path) === 'directory') return `Cannot connect to ${path}: it is a directory: name the socket in it`;
  if (kindOf(directory) === 'directory') return undefined;
  return `Cannot connect to ${path}: there is no directory ${directory}: check the path`;
}

function kindOf(path: string): 'missing' | 'directory' | 'other' {
  try {
    return statSync(path).isDirectory() ? 'directory' : 'other';
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Anything else is there and cannot be looked at, which opening it will say.
    return code === 'ENOENT' || code === 'ENOTDIR' ? 'missing' : 'other';
  }
}

function isAllowed(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}
