/** Locks of open files (F_OFD_SETLK, fcntl(2)): held by the file descriptor, so they end with it, however a process ends. */
import { EACCES, EAGAIN } from '../abi/errno.ts';
import { F_OFD_SETLK, F_RDLCK, F_WRLCK, flock, SEEK_SET } from '../abi/libc.ts';
import { pack } from '../base/layout.ts';
import type { Fd } from './fd.ts';
import { koffi } from './koffi.ts';
import * as libc from './libc.ts';

/** fcntl with an argument that is a struct. */
const fcntl = koffi.load(null).func('int fcntl(int fd, int command, void *argument)') as unknown as (
  fd: number,
  command: number,
  argument: Uint8Array,
) => number;

/** `taken`: someone else has one that excludes it. `unavailable`: this file system has no locks. */
export type LockResult = 'locked' | 'taken' | 'unavailable';

/** Locks all of `fd`'s file: exclusive, or shared with everybody else who only reads. QEMU's locks exclude it too. */
export function lockFile(fd: Fd, mode: 'exclusive' | 'shared'): LockResult {
  const lock = pack(flock, { l_type: mode === 'exclusive' ? F_WRLCK : F_RDLCK, l_whence: SEEK_SET });
  if (fcntl(fd.number, F_OFD_SETLK, lock) === 0) return 'locked';
  const errno = libc.errno();
  return errno === EAGAIN || errno === EACCES ? 'taken' : 'unavailable';
}
