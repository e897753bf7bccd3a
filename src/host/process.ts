/** What this process is to others on the host, and what others are. */
import { readlinkSync } from 'node:fs';
import { CAP_SYS_PTRACE, PR_SET_DUMPABLE } from '../abi/libc.ts';
import { check } from './errno.ts';
import { HostFiles } from './host-files.ts';
import * as libc from './libc.ts';

/**
 * From now on no process without CAP_SYS_PTRACE may look into this one, its memory and its files, not even one of the same user
 * (PR_SET_DUMPABLE, proc(5)). No core dumps, and no debugger but root's.
 */
export function forbidInspection(): void {
  check(libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0), 'keep other processes out of ours');
}

export interface ProcessFacts {
  /** The name of its program, up to 15 bytes. */
  readonly name: string;
  /** It may look into any process of its user namespace (CAP_SYS_PTRACE). */
  readonly mayInspect: boolean;
  /** It is in the user namespace that we are in; undefined where that may not be asked. */
  readonly isInOurNamespace: boolean | undefined;
}

/** What there is to know of a process (proc(5)); undefined when it is gone, or hidden. */
export function processFacts(pid: number, files = new HostFiles()): ProcessFacts | undefined {
  const status = files.text(`/proc/${pid}/status`) ?? '';
  const name = /^Name:\s+(.*)$/m.exec(status)?.[1];
  const permitted = /^CapPrm:\s+([0-9a-f]+)$/m.exec(status)?.[1];
  if (name === undefined || permitted === undefined) return undefined;
  const ours = userNamespace('self');
  const theirs = userNamespace(pid);
  return {
    name,
    mayInspect: ((BigInt(`0x${permitted}`) >> BigInt(CAP_SYS_PTRACE)) & 1n) === 1n,
    isInOurNamespace: theirs === undefined ? undefined : theirs === ours,
  };
}

function userNamespace(pid: number | 'self'): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/user`);
  } catch {
    return undefined;
  }
}
