/** Runs the programs that guests are built with; a failure is one sentence with what the program said of it. */
import { spawn } from 'node:child_process';
import { HostError } from '../src/base/errors.ts';

/** apt, make and compilers mark the lines that matter; without such a line the last one has to do. */
const ERROR_LINE = /^(?:E: |.*\b(?:fatal )?error: |make.*\*\*\* )(.*)/;

export interface CommandOptions {
  cwd?: string;
  env?: Record<string, string>;
  /** Called with every line of standard output as it comes. */
  onLine?: (line: string) => void;
}

/** The standard output of `program`; `doing` completes "Cannot …" and `remedy` says what to do about it. */
export async function run(
  doing: string,
  program: string,
  args: readonly string[],
  options: CommandOptions & { remedy?: string } = {},
): Promise<string> {
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: { ...process.env, LC_ALL: 'C.UTF-8', ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let partial = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    const lines = (partial + text).split('\n');
    partial = lines.pop() ?? '';
    for (const line of lines) options.onLine?.(line);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const failure = await new Promise<string | undefined>((resolve) => {
    child.on('error', (error: NodeJS.ErrnoException) =>
      resolve(error.code === 'ENOENT' ? `${program} is not installed` : error.message),
    );
    child.on('close', (code, signal) => {
      if (code === 0) resolve(undefined);
      else resolve(`${program} ended with ${signal ?? `status ${code}`}: ${cause(errors || output)}`);
    });
  });
  if (failure === undefined) return output;
  throw new HostError(`Cannot ${doing}: ${failure}${options.remedy ? `: ${options.remedy}` : ''}`);
}

/** The first line that names an error, as the end of a sentence. */
function cause(text: string): string {
  const lines = text.trim().split('\n');
  const line = lines.find((each) => ERROR_LINE.test(each)) ?? lines.at(-1) ?? '';
  return line.replace(/^E: /, '').trim();
}
