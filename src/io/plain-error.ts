/** Errors on their way between threads: a structured clone would make plain Errors of them. */
import { ConfigError, HostError } from '../base/errors.ts';

export type PlainError =
  | {
      readonly kind: 'config';
      readonly message: string;
      readonly keyPath: string;
      readonly file: string | undefined;
      readonly line: number | undefined;
    }
  | { readonly kind: 'host'; readonly message: string; readonly errno: number }
  | { readonly kind: 'bug'; readonly stack: string };

export function plainError(error: unknown): PlainError {
  if (error instanceof ConfigError) {
    const { message, keyPath, file, line } = error;
    return { kind: 'config', message, keyPath, file, line };
  }
  if (error instanceof HostError) return { kind: 'host', message: error.message, errno: error.errno };
  return { kind: 'bug', stack: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}

/** The error as it was; of a bug what its stack said. */
export function restoreError(error: PlainError): Error {
  switch (error.kind) {
    case 'config':
      return new ConfigError(error.message, error);
    case 'host':
      return new HostError(error.message, error.errno);
    case 'bug':
      return Object.assign(new Error('An I/O thread failed'), { stack: error.stack });
  }
}
