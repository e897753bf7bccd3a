/**
 * The Arm hosts of the nested tests: L1 machines under QEMU, owned by test/nested/setup.ts, or this machine itself when
 * it is an Arm one with /dev/kvm. `orko-vmm` on their PATH is the installed form of this tree.
 *
 *   const l1 = await host('main');
 *   const { exitCode, stdout } = await l1.run('orko-vmm run hello.yaml');
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { inject } from 'vitest';
import { quote, type SshArguments, spawnOverSsh } from '../../src/nested/l1.ts';
import { isArmHost } from './environment.ts';

export type HostName =
  | 'main'
  | 'smp'
  | 'pi4'
  | '16k'
  | 'vfio'
  | 'vfio-iommufd'
  | 'vfio-16k'
  | 'qemu-10'
  | 'qemu-10-altra';
/** To the process that owns the hosts, and its answer. */
export type HostRequest = { readonly name: HostName; readonly worker: string };
export type HostReply = { readonly ssh: SshArguments } | { readonly error: string };

declare module 'vitest' {
  interface ProvidedContext {
    nested: { readonly directory: string; readonly socketPath: string };
  }
}

const RUN_TIMEOUT_MS = 60_000;
const WAIT_TIMEOUT_MS = 30_000;
const LOOK_INTERVAL_MS = 25;

export interface RunOptions {
  readonly stdin?: string | Uint8Array;
  readonly timeoutMs?: number;
  /** Where the command runs; the scratch folder of this test run when absent. */
  readonly cwd?: string;
}

export interface RunResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface SpawnOptions {
  readonly cwd?: string;
  /** Gives the command a terminal: its stdin, stdout and stderr. */
  readonly tty?: boolean;
}

/** Whether `host(name)` works: on a real Arm host only that machine is there. For `describe.skipIf(!hasHost('pi4'))`. */
export function hasHost(name: HostName): boolean {
  return name === 'main' || name === 'smp' || !isArmHost();
}

export async function host(name: HostName): Promise<NestedHost> {
  const { directory, socketPath } = inject('nested');
  if (isArmHost()) return new NestedHost(directory, undefined);
  const reply = await ask(socketPath, { name, worker: process.env['VITEST_POOL_ID'] ?? '1' });
  if ('error' in reply) throw new Error(reply.error);
  return new NestedHost(directory, reply.ssh);
}

export class NestedHost {
  /** A scratch folder, the same on both sides. */
  readonly directory: string;
  readonly #ssh: SshArguments | undefined;

  constructor(directory: string, ssh: SshArguments | undefined) {
    this.directory = directory;
    this.#ssh = ssh;
  }

  /** Runs a shell command to its end; rejects when it takes too long, with what it printed until then. */
  async run(command: string, options: RunOptions = {}): Promise<RunResult> {
    const process = this.spawn(command, options);
    process.end(options.stdin ?? '');
    const exitCode = await process.exited(options.timeoutMs ?? RUN_TIMEOUT_MS);
    return { exitCode, stdout: process.stdout, stderr: process.stderr };
  }

  /** The same for a command that has to succeed: what it printed, without blanks around it. */
  async must(command: string, options: RunOptions = {}): Promise<string> {
    const { exitCode, stdout, stderr } = await this.run(command, options);
    if (exitCode !== 0) throw new Error(`On the host, ${command} ended with ${exitCode}: ${stdout}${stderr}`);
    return stdout.trim();
  }

  spawn(command: string, options: SpawnOptions = {}): HostProcess {
    const script = `cd ${quote(options.cwd ?? this.directory)} && ${command}`;
    return this.#ssh ? remote(this.#ssh, script, options) : local(this.directory, script, options);
  }
}

/** A command that runs on a host: talk to it, wait for words of it, end it. */
export class HostProcess {
  readonly #child: ChildProcess;
  readonly #command: string;
  readonly #exit: Promise<number>;
  readonly #signal: (signal: string) => Promise<void>;
  /** All of it so far. */
  stdout = '';
  stderr = '';

  constructor(child: ChildProcess, command: string, signal: (signal: string) => Promise<void>) {
    this.#child = child;
    this.#command = command;
    this.#signal = signal;
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    // What the other side does not read any more is its own business.
    child.stdin?.on('error', () => {});
    this.#exit = new Promise((resolve) => child.on('close', (code) => resolve(code ?? 255)));
  }

  write(data: string | Uint8Array): void {
    this.#child.stdin?.write(data);
  }

  end(data: string | Uint8Array = ''): void {
    this.#child.stdin?.end(data);
  }

  /** Resolves once `pattern` stands in stdout. */
  async printed(pattern: string | RegExp, timeoutMs = WAIT_TIMEOUT_MS): Promise<void> {
    const isThere = () => (typeof pattern === 'string' ? this.stdout.includes(pattern) : pattern.test(this.stdout));
    // Now and then, not at every piece: a guest may print a megabyte in small ones.
    let timer: NodeJS.Timeout | undefined;
    const seen = new Promise<'seen'>((resolve) => {
      timer = setInterval(() => isThere() && resolve('seen'), LOOK_INTERVAL_MS);
      if (isThere()) resolve('seen');
    });
    try {
      const outcome = await this.#within(timeoutMs, Promise.race([seen, this.#exit]), `print ${pattern}`);
      if (outcome !== 'seen' && !isThere()) throw this.#failure(`ended with ${outcome} and did not print ${pattern}`);
    } finally {
      clearInterval(timer);
    }
  }

  /** The exit code, ssh's 255 for what a signal ended; a command that does not end in time is killed. */
  async exited(timeoutMs = WAIT_TIMEOUT_MS): Promise<number> {
    return this.#within(timeoutMs, this.#exit, 'end');
  }

  /** Sends a signal ("TERM", "KILL", …) to the command and what it started. */
  async kill(signal = 'TERM'): Promise<void> {
    await this.#signal(signal);
  }

  async #within<Value>(timeoutMs: number, work: Promise<Value>, what: string): Promise<Value> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<'late'>((resolve) => {
      timer = setTimeout(() => resolve('late'), timeoutMs);
    });
    const outcome = await Promise.race([work, late]).finally(() => clearTimeout(timer));
    if (outcome !== 'late') return outcome as Value;
    await this.#signal('KILL').catch(() => {});
    this.#child.kill('SIGKILL');
    throw this.#failure(`did not ${what} within ${timeoutMs} ms`);
  }

  #failure(what: string): Error {
    const output = `stdout: ${this.stdout.slice(-2000)}\nstderr: ${this.stderr.slice(-2000)}`;
    return new Error(`The command ${what}: ${this.#command}\n${output}`);
  }
}

function remote(ssh: SshArguments, script: string, { tty }: SpawnOptions): HostProcess {
  // sshd makes the shell a session leader, so its pid names the process group too.
  const pidFile = `/run/orko-test-${crypto.randomUUID()}`;
  const child = spawnOverSsh(tty ? ['-tt', ...ssh] : ssh, `echo $$ >${pidFile}; ${script}`);
  return new HostProcess(child, script, async (signal) => {
    const killer = spawnOverSsh(ssh, `kill -${signal} -- -$(cat ${pidFile})`, { stdio: 'ignore' });
    await new Promise((resolve) => killer.on('close', resolve));
  });
}

function local(directory: string, script: string, { tty }: SpawnOptions): HostProcess {
  const words = tty ? ['script', '-qfec', script, '/dev/null'] : ['bash', '-c', script];
  const env = { ...process.env, PATH: `${join(directory, 'bin')}:${process.env['PATH']}` };
  const child = spawn(words[0]!, words.slice(1), { env, detached: true });
  return new HostProcess(child, script, async (signal) => {
    if (child.pid) process.kill(-child.pid, `SIG${signal}` as NodeJS.Signals);
  });
}

async function ask(socketPath: string, request: HostRequest): Promise<HostReply> {
  const socket = connect(socketPath);
  try {
    socket.write(`${JSON.stringify(request)}\n`);
    for await (const line of createInterface(socket)) return JSON.parse(line) as HostReply;
    throw new Error(`The owner of the Arm hosts is gone before it started ${request.name}`);
  } finally {
    socket.destroy();
  }
}
