/** The host's page size: 4, 16 or 64 KiB on arm64. What memory slots and mappings are made of. */
import { _SC_PAGESIZE } from '../abi/libc.ts';
import { sysconf } from './libc.ts';

export function pageSize(): number {
  return Number(sysconf(_SC_PAGESIZE));
}
