/** errno in words: the one place where a failed call becomes a HostError. */
import { errnoNames } from '../abi/errno.ts';
import { HostError } from '../base/errors.ts';
import { errno } from './libc.ts';

/** What the common ones mean to a user. The names come from the headers; these sentences are ours. */
const WORDS: Record<string, string> = {
  EPERM: 'Operation not permitted',
  ENOENT: 'No such file or directory',
  EINTR: 'Interrupted',
  EIO: 'Input/output error',
  ENXIO: 'No such device or address',
  E2BIG: 'Too large a list',
  EBADF: 'Bad file descriptor',
  EAGAIN: 'Try again',
  ENOMEM: 'Not enough memory',
  EACCES: 'Permission denied',
  EFAULT: 'Bad address',
  EBUSY: 'In use',
  EEXIST: 'Already exists',
  ENODEV: 'No such device',
  ENOTDIR: 'Not a directory',
  ENOTSOCK: 'Not a socket',
  EISDIR: 'Is a directory',
  EINVAL: 'Invalid argument',
  EMFILE: 'Too many open files',
  ENOTTY: 'Not supported by this file',
  EFBIG: 'File too large',
  ENOSPC: 'No space left',
  EROFS: 'Read-only file system',
  EPIPE: 'The other end is closed',
  ENOSYS: 'Not supported by this kernel',
  EOPNOTSUPP: 'Not supported',
  EADDRINUSE: 'Address in use',
  ECONNREFUSED: 'Connection refused',
  ENAMETOOLONG: 'Name too long',
};

/** "Permission denied (EACCES)", "errno 999" for one that no header names. */
export function describeErrno(number: number): string {
  const name = errnoNames[number]?.[0];
  if (name === undefined) return `errno ${number}`;
  return WORDS[name] === undefined ? name : `${WORDS[name]} (${name})`;
}

export function errnoName(number: number): string {
  return errnoNames[number]?.[0] ?? `errno ${number}`;
}

/** What helps against each errno by name, for one call; `*` for all others. */
export type Remedies = Readonly<Record<string, string>>;

/** Builds the error for a call that just failed: "Cannot DOING: WORDS (NAME): REMEDY". */
export function hostError(doing: string, number: number, remedies: Remedies = {}): HostError {
  const remedy = remedies[errnoName(number)] ?? remedies['*'];
  return new HostError(`Cannot ${doing}: ${describeErrno(number)}${remedy ? `: ${remedy}` : ''}`, number);
}

/** Passes a result that is not -1 through; turns -1 into a HostError. */
export function check(result: number, doing: string, remedies?: Remedies): number {
  if (result !== -1) return result;
  throw hostError(doing, errno(), remedies);
}

/** For pthread functions, which return their errno. */
export function checkReturned(number: number, doing: string): void {
  if (number !== 0) throw hostError(doing, number);
}
