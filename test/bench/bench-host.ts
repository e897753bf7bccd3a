/**
 * Where the figures are measured: L1 machines of our own, or this machine when it is an Arm one with /dev/kvm. On each, a
 * folder in memory holds everything that is run: the installed form, the guest kernel, the initramfs, the payloads.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { L1, L1_DEFAULTS, type L1Options, quote, spawnOverSsh } from '../../src/nested/l1.ts';
import { toStderr } from '../../src/nested/progress.ts';

/** The longest a single program may run: a loud QEMU boot takes twelve seconds on a busy machine. */
const RUN_TIMEOUT_MS = 180_000;

export interface RunResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface BenchHost extends AsyncDisposable {
  /** The folder in memory. */
  readonly directory: string;
  /** Runs a bash script in `directory` to its end. */
  run(script: string): Promise<RunResult>;
}

/** Starts a host whose folder holds copies of `files` (absolute paths on this machine). */
export async function startBenchHost(files: readonly string[], l1: Partial<L1Options> = {}): Promise<BenchHost> {
  const host = process.arch === 'arm64' ? localHost() : await nestedHost(files, l1);
  const { exitCode, stderr } = await host.run(`cp -r ${files.map(quote).join(' ')} .`);
  if (exitCode === 0) return host;
  await host[Symbol.asyncDispose]();
  throw new Error(`Cannot copy what is measured to the host's memory: ${stderr}`);
}

async function nestedHost(files: readonly string[], options: Partial<L1Options>): Promise<BenchHost> {
  const folders = files.map((file) => join(file, '..'));
  const l1 = await L1.start({ ...L1_DEFAULTS, ...options }, folders, toStderr);
  const directory = '/tmp/bench';
  return {
    directory,
    run: (script) => finish(spawnOverSsh(l1.ssh, `mkdir -p ${directory} && cd ${directory} && ${script}`)),
    [Symbol.asyncDispose]: () => l1.stop(),
  };
}

function localHost(): BenchHost {
  const directory = mkdtempSync('/dev/shm/orko-bench-');
  const running = new Set<ChildProcess>();
  const clean = () => {
    for (const child of running) process.kill(-child.pid!, 'SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  };
  process.once('exit', clean);
  return {
    directory,
    run: async (script) => {
      const child = spawn('bash', ['-c', script], { cwd: directory, detached: true });
      running.add(child);
      return finish(child).finally(() => running.delete(child));
    },
    [Symbol.asyncDispose]: async () => {
      process.off('exit', clean);
      clean();
    },
  };
}

async function finish(child: ChildProcess): Promise<RunResult> {
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  child.stdin?.end();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const words = () =>
      `It did not end within ${RUN_TIMEOUT_MS / 1000} s; its last output: ${stdout.slice(-400)}\n${stderr.slice(-400)}`;
    timer = setTimeout(() => reject(new Error(words())), RUN_TIMEOUT_MS);
  });
  const ended = new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 255));
  });
  try {
    return { exitCode: await Promise.race([ended, late]), stdout, stderr };
  } finally {
    clearTimeout(timer);
  }
}
