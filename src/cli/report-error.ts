/** An Error → what the user reads and the exit code. */
import { ConfigError, HostError } from '../base/errors.ts';
import { SET_FILE } from '../config/source.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { UsageError } from './usage-error.ts';

export interface Report {
  /** Lines for standard error. */
  readonly text: string;
  readonly code: ExitCode;
}

/** `stack`: whether our own bugs show where they happened (`-v`, or ORKO_DEBUG=1). */
export function reportError(error: unknown, { stack }: { stack: boolean }): Report {
  if (error instanceof ConfigError) return { text: `orko-vmm: ${placeOf(error)}${error.message}`, code: EXIT.CONFIG };
  if (error instanceof HostError) return { text: `orko-vmm: ${error.message}`, code: EXIT.HOST };
  if (error instanceof UsageError) {
    const help = ['orko-vmm', error.command, '--help'].filter((word) => word).join(' ');
    return { text: `orko-vmm: ${error.message}\nRun \`${help}\` for the ways to write it`, code: EXIT.USAGE };
  }
  return { text: `orko-vmm: This is a bug in orko-vmm: ${bug(error, stack)}`, code: EXIT.BUG };
}

/** `vm.yaml:3: cpus.count: `, as far as it is known. */
export function placeOf({ file, line, keyPath }: ConfigError): string {
  if (file === SET_FILE) return keyPath ? `--set ${keyPath}: ` : '--set: ';
  const place = file === undefined ? '' : line === undefined ? `${file}: ` : `${file}:${line}: `;
  return keyPath ? `${place}${keyPath}: ` : place;
}

function bug(error: unknown, stack: boolean): string {
  const message = error instanceof Error ? error.message : String(error);
  if (stack && error instanceof Error && error.stack) return `please report it with these lines\n${error.stack}`;
  return `${message}: run the command again with ORKO_DEBUG=1 and report what it prints`;
}
