/** What our own mappings are, as the kernel tells (proc_pid_smaps(5)): for memory that somebody else mapped for us. */
import { HostFiles } from './host-files.ts';

export interface MemoryArea {
  /** Others may map it too: a memfd or a file. */
  readonly isShared: boolean;
  /** The file behind it, `/memfd:NAME (deleted)` for a memfd; empty when it is anonymous. */
  readonly path: string;
  /** Bytes of its pages: more than the host's page size when they are from the huge-page pool. */
  readonly pageSize: number;
  /** It shows page frames without being ordinary memory (VM_PFNMAP, VM_MIXEDMAP): a BAR, memory of a device. */
  readonly isPfnMap: boolean;
}

/** `start-end perms offset device inode path`, later `KernelPageSize: N kB`, and at the end of an area `VmFlags: rd wr …`. */
const HEAD = /^([0-9a-f]+)-([0-9a-f]+) \S{3}([ps]) \S+ \S+ \d+ *(.*)$/;
const PAGE_SIZE = /^KernelPageSize: +(\d+) kB$/;
const FLAGS = /^VmFlags: (.*)$/;
const PFN_FLAGS = ['pf', 'mm'];

/** The area at `pointer`, an address of our process; undefined when nothing is mapped there. */
export function memoryAreaAt(pointer: number, files = new HostFiles()): MemoryArea | undefined {
  let area: Omit<MemoryArea, 'isPfnMap'> | undefined;
  for (const line of (files.text('/proc/self/smaps') ?? '').split('\n')) {
    const pageSize = PAGE_SIZE.exec(line)?.[1];
    if (area && pageSize) area = { ...area, pageSize: Number(pageSize) * 1024 };
    const flags = FLAGS.exec(line)?.[1];
    if (area && flags) return { ...area, isPfnMap: flags.split(' ').some((flag) => PFN_FLAGS.includes(flag)) };
    const [, start, end, sharing, path] = HEAD.exec(line) ?? [];
    if (start === undefined || pointer < Number(`0x${start}`) || pointer >= Number(`0x${end}`)) continue;
    area = { isShared: sharing === 's', path: path!, pageSize: 0 };
  }
  return undefined;
}
