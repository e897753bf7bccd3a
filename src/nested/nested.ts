/**
 * `orko-vmm nested CONFIG`: the same config on a machine without Arm KVM. Boots L1, an Arm host in QEMU, runs the
 * installed form of orko-vmm in it on the same files, and ends as that ends; nothing stays behind.
 */
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { VmConfig } from '../config/schema.ts';
import { relayKeys } from './console-relay.ts';
import { installedForm } from './installed-form.ts';
import { L1, L1_DEFAULTS, type L1Options, quote, runOverSsh, spawnOverSsh } from './l1.ts';
import { toStderr } from './progress.ts';
import { sharedFolders } from './shares.ts';

export interface NestedOptions {
  /** The config file as the user named it, and the `--set` values. */
  readonly configPath: string;
  readonly set: readonly string[];
  /** The same, parsed: it knows every path that has to be shared. */
  readonly vm: Pick<VmConfig, 'paths'>;
  readonly l1?: Partial<L1Options>;
  /** The VM's control socket: its path in L1, and the path on this machine at which it shall be reached. */
  readonly controlSocket?: { readonly there: string; readonly here: string };
  /** As of the command line; orko-vmm in L1 is told too. */
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  /** For an end that is not the guest's: the nested machine ended on its own, or the user ended it. */
  readonly exitCodes: { readonly nested: number; readonly interrupted: number };
}

/** What ended the run before orko-vmm in L1 did. */
type Cut = 'escape' | 'signal';

/** ssh's own exit code for a connection that broke; orko-vmm has no such code. */
const SSH_FAILED = 255;
/** In L1: who to send signals to. */
const PID_FILE = '/run/orko-vmm.pid';
/** A connection breaks a moment before we hear that QEMU ended. */
const LAST_WORDS_MS = 2_000;

/** Resolves to the exit code of the guest's run, or to one of `exitCodes` when L1 or the user ended it. */
export async function runNested(options: NestedOptions): Promise<number> {
  const config = resolve(options.configPath);
  const folders = await sharedFolders([...options.vm.paths, { path: config, access: 'read', keyPath: '' }]);
  using signals = new Signals();
  const booting = boot(options, folders);
  const booted = await Promise.race([booting, signals.next()]);
  // What is half way up ends with this process: every child is tied to it.
  if (typeof booted === 'string') return options.exitCodes.interrupted;
  const { l1, program } = booted;
  const { controlSocket } = options;
  try {
    if (controlSocket) await l1.forward(controlSocket.here, controlSocket.there);
    return await runIn(l1, remoteCommand(program, config, options), signals, options.exitCodes);
  } finally {
    if (controlSocket) await rm(controlSocket.here, { force: true });
    await l1.stop();
  }
}

async function boot({ l1, quiet }: NestedOptions, folders: readonly string[]): Promise<{ l1: L1; program: string }> {
  const program = await installedForm();
  const progress = quiet ? () => {} : toStderr;
  return { l1: await L1.start({ ...L1_DEFAULTS, ...l1 }, [...folders, program], progress), program };
}

/** Relative paths in `--set` start at the working directory, so L1 gets one of the same name. */
function remoteCommand(program: string, config: string, { set, quiet, verbose }: NestedOptions): string {
  const words = ['node', join(program, 'bin/orko-vmm.js'), 'run', config, ...set.flatMap((word) => ['--set', word])];
  if (quiet) words.push('--quiet');
  if (verbose) words.push('--verbose');
  const directory = quote(process.cwd());
  return `mkdir -p ${directory} && cd ${directory} && echo $$ >${PID_FILE} && exec ${words.map(quote).join(' ')}`;
}

async function runIn(l1: L1, script: string, signals: Signals, exitCodes: NestedOptions['exitCodes']): Promise<number> {
  const terminal = process.stdin.isTTY && process.stdout.isTTY;
  const child = spawnOverSsh(terminal ? ['-tt', ...l1.ssh] : l1.ssh, script, {
    stdio: [terminal ? 'pipe' : 'inherit', 'inherit', 'inherit'],
    detached: true, // a Ctrl-C typed before the console is raw is ours to handle, not ssh's
  });
  const finished = new Promise<number>((done) => child.on('close', (code) => done(code ?? SSH_FAILED)));
  const escaped = Promise.withResolvers<Cut>();
  let outcome: number | Cut;
  {
    using _relay = terminal && child.stdin ? relayKeys(child.stdin, () => escaped.resolve('escape')) : undefined;
    outcome = await Promise.race([finished, escaped.promise, stoppedBySignals(l1, signals)]);
  }
  if (typeof outcome === 'string') {
    child.kill();
    return exitCodes.interrupted;
  }
  if (outcome !== SSH_FAILED) return outcome;
  const why = await Promise.race([l1.ended, sleep(LAST_WORDS_MS, undefined)]);
  toStderr(`The nested machine ended under the guest: ${why ?? 'the connection to it broke'}`);
  return exitCodes.nested;
}

/** The first SIGINT or SIGTERM goes to orko-vmm, which presses the guest's power key; the next one, or SIGHUP, ends all. */
async function stoppedBySignals(l1: L1, signals: Signals): Promise<Cut> {
  if ((await signals.next()) !== 'SIGHUP') {
    runOverSsh(l1.ssh, `kill -TERM $(cat ${PID_FILE})`).catch(() => {});
    await signals.next();
  }
  return 'signal';
}

/** Signals to this process, one after the other. */
class Signals implements Disposable {
  readonly #waiting: NodeJS.Signals[] = [];
  #wake: ((signal: NodeJS.Signals) => void) | undefined;
  readonly #listener = (signal: NodeJS.Signals): void => {
    if (this.#wake) this.#wake(signal);
    else this.#waiting.push(signal);
    this.#wake = undefined;
  };

  constructor() {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, this.#listener);
  }

  next(): Promise<NodeJS.Signals> {
    const signal = this.#waiting.shift();
    if (signal) return Promise.resolve(signal);
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  [Symbol.dispose](): void {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.off(signal, this.#listener);
  }
}
