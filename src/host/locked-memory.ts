/** How much memory the kernel lets this process lock (getrlimit(2)): what devices may reach is pinned, and counts. */
import { RLIMIT_MEMLOCK, rlimit } from '../abi/libc.ts';
import { pack, unpack } from '../base/layout.ts';
import { check } from './errno.ts';
import { HostFiles } from './host-files.ts';
import * as libc from './libc.ts';

const RLIM_INFINITY = 0xffff_ffff_ffff_ffffn;
/** Bit of `CapEff` (capabilities(7)): no limit holds then. */
const CAP_IPC_LOCK = 14n;

/** Bytes, as far as we may raise it ourselves; infinite for root. */
export function lockedMemoryMax(files = new HostFiles()): number {
  const capabilities = /^CapEff:\s*([0-9a-f]+)$/m.exec(files.text('/proc/self/status') ?? '')?.[1] ?? '0';
  if ((BigInt(`0x${capabilities}`) >> CAP_IPC_LOCK) & 1n) return Number.POSITIVE_INFINITY;
  const { rlim_max } = limits();
  return rlim_max === RLIM_INFINITY ? Number.POSITIVE_INFINITY : Number(rlim_max);
}

/** Makes the limit as high as it may be. */
export function raiseLockedMemory(): void {
  const { rlim_cur, rlim_max } = limits();
  if (rlim_cur === rlim_max) return;
  check(
    libc.setrlimit(RLIMIT_MEMLOCK, pack(rlimit, { rlim_cur: rlim_max, rlim_max })),
    'raise the limit of locked memory',
  );
}

function limits() {
  const limit = pack(rlimit, {});
  check(libc.getrlimit(RLIMIT_MEMLOCK, limit), 'read the limit of locked memory');
  return unpack(rlimit, limit);
}
