/** What a file descriptor is, as the kernel says it (proc_pid_fd(5)): for who has to tell people about it. */
import { fstatSync, readlinkSync } from 'node:fs';
import type { Fd } from './fd.ts';

export interface FdFacts {
  readonly kind: 'memfd' | 'eventfd' | 'socket' | 'pipe' | 'file' | 'folder' | 'device' | 'other';
  /** Of a memfd, or the path of a file. */
  readonly name?: string;
  /** Of a memfd or file. */
  readonly bytes?: number;
}

const MEMFD = /^\/memfd:(.*?)( \(deleted\))?$/;

export function factsOf({ number }: Fd): FdFacts {
  const link = readlinkSync(`/proc/self/fd/${number}`);
  const stat = fstatSync(number);
  const memfd = MEMFD.exec(link);
  if (memfd) return { kind: 'memfd', name: memfd[1]!, bytes: stat.size };
  if (link === 'anon_inode:[eventfd]') return { kind: 'eventfd' };
  if (stat.isSocket()) return { kind: 'socket' };
  if (stat.isFIFO()) return { kind: 'pipe' };
  if (stat.isFile()) return { kind: 'file', name: link, bytes: stat.size };
  if (stat.isDirectory()) return { kind: 'folder', name: link };
  if (stat.isCharacterDevice() || stat.isBlockDevice()) return { kind: 'device', name: link };
  return { kind: 'other', name: link };
}
