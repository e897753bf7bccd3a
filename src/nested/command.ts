/** Runs a program of this machine to its end; its failure becomes a HostError in words. */
import { spawn } from 'node:child_process';
import { HostError } from '../base/errors.ts';

/** As much of a program's last words as fits a sentence. */
const LAST_WORDS_LINES = 3;

export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: Record<string, string>;
  readonly input?: string;
  /** Called with every line of standard output as it comes. */
  readonly onLine?: (line: string) => void;
  /** What to do about a failure, where the program's words do not say. */
  readonly remedy?: string;
}

const END_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Resolves to stdout; rejects with `Cannot <purpose>: …` when the program is missing or fails. */
export async function command(
  purpose: string,
  program: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: { ...process.env, LC_ALL: 'C.UTF-8', ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true, // a process group of its own, so that all of it can be ended
  });
  using _group = new EndsWithUs(child.pid);
  let stdout = '';
  let stderr = '';
  let partial = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    const lines = (partial + text).split('\n');
    partial = lines.pop() ?? '';
    for (const line of lines) options.onLine?.(line);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  // A program that ends before it has read its input is judged by its exit code alone.
  child.stdin.on('error', () => {});
  child.stdin.end(options.input ?? '');
  const outcome = await new Promise<number | string>((resolve) => {
    child.on('error', (error: NodeJS.ErrnoException) =>
      resolve(error.code === 'ENOENT' ? `${program} is not installed${remedyOr('run "make setup"')}` : error.message),
    );
    child.on('close', (code, signal) => resolve(code ?? `${program} was ended by ${signal}`));
  });
  if (outcome === 0) return stdout;
  const why = typeof outcome === 'string' ? outcome : explain(program, outcome, stderr || stdout, remedyOr(''));
  throw new HostError(`Cannot ${purpose}: ${why}`);

  function remedyOr(usual: string): string {
    const words = options.remedy ?? usual;
    return words && `: ${words}`;
  }
}

/** A process group that does not outlive us: not when we exit, and not when a signal ends us. */
class EndsWithUs implements Disposable {
  readonly #leader: number | undefined;
  readonly #end = () => {
    try {
      if (this.#leader) process.kill(-this.#leader, 'SIGTERM');
    } catch {
      // It has just ended by itself.
    }
  };
  readonly #endBySignal = (signal: NodeJS.Signals) => {
    this.#end();
    this[Symbol.dispose]();
    // Whoever else listens decides what becomes of us; nobody: what would have without this listener.
    if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
  };

  constructor(leader: number | undefined) {
    this.#leader = leader;
    process.once('exit', this.#end);
    for (const signal of END_SIGNALS) process.on(signal, this.#endBySignal);
  }

  [Symbol.dispose](): void {
    process.off('exit', this.#end);
    for (const signal of END_SIGNALS) process.off(signal, this.#endBySignal);
  }
}

function explain(program: string, code: number, output: string, remedy: string): string {
  if (/No space left on device|ENOSPC/.test(output)) return 'the disk is full: free some space or set XDG_CACHE_HOME';
  const lines = output.split('\n').filter((line) => line.trim() !== '');
  const errors = lines.filter((line) => /^(E:|npm error|.*\berror: |.*: error|make.*\*\*\* |.*[Ff]ailed)/.test(line));
  const words = (errors.length > 0 ? errors : lines).slice(-LAST_WORDS_LINES).join('; ');
  const advice = /Failed to fetch|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|Could not resolve|Unable to connect/.test(output)
    ? ': check the network and run it again'
    : remedy;
  return `${program} failed with exit code ${code} (${words})${advice}`;
}
