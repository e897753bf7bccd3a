/**
 * Where the control sockets of running VMs lie, one `NAME.sock` a VM in a folder of the user's own: how a name is taken,
 * found and listed. The socket is the only record: a VM runs as long as somebody answers on it.
 */
import { lstatSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ECONNREFUSED, ENOENT } from '../abi/errno.ts';
import { ConfigError, HostError } from '../base/errors.ts';
import type { ControlClient } from './client.ts';
import type { MachineStatus } from './protocol.ts';

const SUFFIX = '.sock';
/** A name is a file name, a word in messages and part of the path that sockaddr_un limits. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
/** sizeof(sun_path) is 108 (unix(7)), with the final NUL. */
const SOCKET_PATH_BYTES_MAX = 107;
/** A VM answers from its event loop: one that does not within this time is stuck, and listed as such. */
const STATUS_TIMEOUT_MS = 2_000;

/** Who asks. */
export interface World {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly uid: number;
}

export type ListedMachine = { readonly name: string; readonly socket: string } & (
  | { readonly status: MachineStatus }
  | { readonly problem: string }
);

/** The folder of the user's sockets: $XDG_RUNTIME_DIR/orko-vmm; without it /run/orko-vmm (root) or /tmp/orko-vmm-UID. */
export function socketFolder({ env, uid }: World): string {
  const runtime = env['XDG_RUNTIME_DIR'];
  if (runtime?.startsWith('/') && isOwnFolder(runtime, uid)) return join(runtime, 'orko-vmm');
  return uid === 0 ? '/run/orko-vmm' : `/tmp/orko-vmm-${uid}`;
}

/** The socket of the VM that the user means: a name, or a path with a slash in it. */
export function findSocket(nameOrSocket: string, folder: string): string {
  if (nameOrSocket.includes('/')) return nameOrSocket;
  const names = namesIn(folder);
  if (names.includes(nameOrSocket)) return join(folder, nameOrSocket + SUFFIX);
  const running = names.length > 0 ? `there are ${names.join(', ')}` : 'none runs';
  throw new ConfigError(`Cannot find a VM named ${nameOrSocket}: ${running}: start it, or give the path of its socket`);
}

/**
 * The path to bind for a VM of this name, its folder made and what an ended VM left there removed. Two VMs that take one
 * name at the same moment both get the path; bind(2) then refuses one of them.
 */
export async function claimSocket(name: string, folder: string, uid: number): Promise<string> {
  if (!NAME.test(name)) {
    throw new ConfigError(
      `Cannot name the VM ${JSON.stringify(name)}: use up to 64 letters, digits, dots, dashes and underscores, a letter or digit first`,
      { keyPath: 'name' },
    );
  }
  makeFolder(folder, uid);
  return claimSocketAt(join(folder, name + SUFFIX), 'name');
}

/** The same for a socket whose path the user has chosen. `keyPath`: the key of the config that says so. */
export async function claimSocketAt(path: string, keyPath: string): Promise<string> {
  if (new TextEncoder().encode(path).length > SOCKET_PATH_BYTES_MAX) {
    throw new ConfigError(
      `Cannot make the control socket ${path}: its path has more than ${SOCKET_PATH_BYTES_MAX} bytes: choose a shorter ${keyPath}`,
      { keyPath },
    );
  }
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return path;
  if (!found.isSocket()) {
    throw new ConfigError(`Cannot make the control socket ${path}: there is a file of that name: remove it`, {
      keyPath,
    });
  }
  const state = await probe(path);
  if (state === 'stale') removeSocket(path);
  else if (state !== 'gone') throw inUse(path, state, keyPath);
  return path;
}

export function removeSocket(path: string): void {
  rmSync(path, { force: true });
}

/** The VMs that run, by name. What ended VMs left behind is removed. */
export async function listMachines(folder: string): Promise<ListedMachine[]> {
  const machines = namesIn(folder).map(async (name): Promise<ListedMachine | undefined> => {
    const socket = join(folder, name + SUFFIX);
    const state = await probe(socket);
    if (state === 'stale') removeSocket(socket);
    if (state === 'stale' || state === 'gone') return undefined;
    return typeof state === 'string' ? { name, socket, problem: state } : { name, socket, status: state };
  });
  return (await Promise.all(machines)).filter((machine) => machine !== undefined);
}

/** The status of the VM behind `path`; a sentence when it does not tell; that nobody listens there, or that it is gone. */
async function probe(path: string): Promise<MachineStatus | 'stale' | 'gone' | (string & {})> {
  // node:net is loaded only when there is a socket to ask: `run` with a free name starts without it.
  const { ControlClient } = await import('./client.ts');
  let client: ControlClient;
  try {
    client = await ControlClient.connect(path, { timeoutMs: STATUS_TIMEOUT_MS });
  } catch (error) {
    const { errno, message } = error as HostError;
    return errno === ECONNREFUSED ? 'stale' : errno === ENOENT ? 'gone' : message;
  }
  try {
    return (await client.request('status', {})).status;
  } catch (error) {
    return (error as Error).message;
  } finally {
    client.close();
  }
}

function namesIn(folder: string): string[] {
  try {
    const files = readdirSync(folder).filter((file) => file.endsWith(SUFFIX));
    return files.map((file) => file.slice(0, -SUFFIX.length)).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw new HostError(`Cannot list the VMs in ${folder}: ${(error as Error).message}`);
  }
}

/** /tmp is everybody's: a folder that another user has put there first must not get our sockets. */
function makeFolder(folder: string, uid: number): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new HostError(
      `Cannot make ${folder} for the control socket: ${(error as Error).message}: set XDG_RUNTIME_DIR`,
    );
  }
  if (!isOwnFolder(folder, uid)) {
    throw new HostError(
      `Cannot use ${folder} for the control socket: it belongs to another user, or others may write to it: remove it, or set XDG_RUNTIME_DIR`,
    );
  }
}

function isOwnFolder(folder: string, uid: number): boolean {
  const stat = lstatSync(folder, { throwIfNoEntry: false });
  return stat?.isDirectory() === true && stat.uid === uid && (stat.mode & 0o022) === 0;
}

function inUse(path: string, state: MachineStatus | string, keyPath: string): ConfigError {
  const who =
    typeof state === 'string' ? `something listens there: ${state}` : `VM ${state.name} runs (process ${state.pid})`;
  return new ConfigError(
    `Cannot take the control socket ${path}: ${who}: stop it (orko-vmm ctl ${path} stop) or choose another ${keyPath}`,
    { keyPath },
  );
}
