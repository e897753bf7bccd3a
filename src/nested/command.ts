/** Runs a program of this machine to its end; its failure becomes a HostError in words. */
import { spawn } from 'node:child_process';
import { HostError } from '../base/errors.ts';

/** As much of a program's last words as fits a sentence. */
const LAST_WORDS_LINES = 3;

export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: Record<string, string>;
  readonly input?: string;
}

/** Resolves to stdout; rejects with `Cannot <purpose>: …` when the program is missing or fails. */
export async function command(
  purpose: string,
  program: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true, // a process group of its own, so that all of it can be ended
  });
  const end = () => {
    try {
      if (child.pid) process.kill(-child.pid, 'SIGTERM');
    } catch {
      // It has just ended by itself.
    }
  };
  process.once('exit', end);
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  // A program that ends before it has read its input is judged by its exit code alone.
  child.stdin.on('error', () => {});
  child.stdin.end(options.input ?? '');
  const outcome = await new Promise<number | string>((resolve) => {
    child.on('error', (error: NodeJS.ErrnoException) =>
      resolve(error.code === 'ENOENT' ? `${program} is not installed: run "make setup"` : error.message),
    );
    child.on('close', (code, signal) => resolve(code ?? `${program} was ended by ${signal}`));
  });
  process.off('exit', end);
  if (outcome === 0) return stdout;
  throw new HostError(
    `Cannot ${purpose}: ${typeof outcome === 'string' ? outcome : explain(program, outcome, stderr || stdout)}`,
  );
}

function explain(program: string, code: number, output: string): string {
  if (/No space left on device|ENOSPC/.test(output)) return 'the disk is full: free some space or set XDG_CACHE_HOME';
  const lines = output.split('\n').filter((line) => line.trim() !== '');
  const errors = lines.filter((line) => /^(E:|npm error|.*: error|.*[Ff]ailed)/.test(line));
  const words = (errors.length > 0 ? errors : lines).slice(-LAST_WORDS_LINES).join('; ');
  const advice = /Failed to fetch|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|Could not resolve|Unable to connect/.test(output)
    ? ': check the network and run it again'
    : '';
  return `${program} failed with exit code ${code} (${words})${advice}`;
}
