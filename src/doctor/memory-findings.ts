/** The host's memory: how much guests may have, on which pages, and which limits our process has. */
import { formatSize, GiB, KiB } from '../base/units.ts';
import type { HostFiles } from '../host/host-files.ts';
import { memoryAvailable } from '../host/memory-available.ts';
import type { Finding } from './finding.ts';

const MM = '/sys/kernel/mm';
/** Each vCPU takes its own fd and that of its thread's gate; disks, sockets and eventfds come on top. */
const FILES_MIN = 1024;

export function memoryFindings(files: HostFiles): readonly Finding[] {
  return [
    availableFinding(files),
    overcommitFinding(files),
    transparentFinding(files),
    sharedFinding(files),
    poolFinding(files),
    lockFinding(files),
    fileCountFinding(files),
  ];
}

function availableFinding(files: HostFiles): Finding {
  const available = memoryAvailable(files) ?? 0;
  return {
    id: 'memory',
    title: 'Free memory',
    severity: available < GiB / 4 ? 'warning' : 'ok',
    value: formatSize(available),
    consequence: 'when guests together touch more, the host kills processes',
  };
}

/** proc_sys_vm(5): 0 guesses, 1 never refuses, 2 counts every mapping as used. */
function overcommitFinding(files: HostFiles): Finding {
  const mode = files.number('/proc/sys/vm/overcommit_memory') ?? 0;
  const about = { id: 'overcommit', title: 'Overcommit', value: `mode ${mode}` };
  if (mode !== 2) return { ...about, severity: 'ok', consequence: 'guests may have more memory than they touch' };
  return {
    ...about,
    severity: 'warning',
    consequence: "all of a guest's memory counts as used from its start on",
    remedy: 'sysctl vm.overcommit_memory=0',
  };
}

function transparentFinding(files: HostFiles): Finding {
  const path = `${MM}/transparent_hugepage/enabled`;
  const mode = files.choice(path);
  const about = { id: 'thp', title: 'Huge pages', value: mode ?? 'not in this kernel' };
  if (mode === 'always' || mode === 'madvise') {
    return { ...about, severity: 'ok', consequence: 'guest memory lies on transparent huge pages' };
  }
  return {
    ...about,
    severity: 'warning',
    consequence: 'guest memory lies on small pages: guests boot and run slower',
    ...(mode && { remedy: `echo madvise > ${path}` }),
  };
}

/** DESIGN's figures for a guest boot: 1.5–2.2 s on a memfd with `never`, 0.8–1.2 s with `advise`. */
function sharedFinding(files: HostFiles): Finding {
  const path = `${MM}/transparent_hugepage/shmem_enabled`;
  const mode = files.choice(path);
  const about = { id: 'shmem-thp', title: 'Shared huge pages', value: mode ?? 'not in this kernel' };
  if (mode !== undefined && mode !== 'never' && mode !== 'deny') {
    return { ...about, severity: 'ok', consequence: 'so does memory that a back-end shares' };
  }
  return {
    ...about,
    severity: 'note',
    consequence: 'memory that a back-end shares lies on small pages: its guest boots up to twice as long',
    ...(mode && { remedy: `echo advise > ${path}` }),
  };
}

function poolFinding(files: HostFiles): Finding {
  const pools = hugePagePools(files);
  const filled = pools.filter(({ total }) => total > 0);
  const about = { id: 'hugepages', title: 'Huge-page pools' };
  if (filled.length > 0) {
    const value = filled.map(({ size, free, total }) => `${free} of ${total} × ${formatSize(size)} free`).join(', ');
    return { ...about, severity: 'ok', value, consequence: 'what memory.hugepages can take' };
  }
  const sizes = pools.map(({ size }) => formatSize(size)).join(', ');
  return {
    ...about,
    severity: 'note',
    value: sizes === '' ? 'none' : `empty (${sizes})`,
    consequence: 'memory.hugepages is refused',
    ...(sizes && { remedy: `write a number of pages to ${MM}/hugepages/hugepages-…kB/nr_hugepages` }),
  };
}

/** The pools of hugetlbfs (admin-guide/mm/hugetlbpage.rst), the smallest pages first. */
function hugePagePools(files: HostFiles): readonly { size: number; total: number; free: number }[] {
  return files
    .names(`${MM}/hugepages`)
    .map((name) => ({
      size: Number(/\d+/.exec(name)) * KiB,
      total: files.number(`${MM}/hugepages/${name}/nr_hugepages`) ?? 0,
      free: files.number(`${MM}/hugepages/${name}/free_hugepages`) ?? 0,
    }))
    .sort((a, b) => a.size - b.size);
}

function lockFinding(files: HostFiles): Finding {
  const limit = limitOf(files, 'Max locked memory');
  const about = { id: 'memlock', title: 'Locked memory' };
  if (limit === Number.POSITIVE_INFINITY) {
    return { ...about, severity: 'ok', value: 'no limit', consequence: 'devices may pin all guest memory' };
  }
  return {
    ...about,
    severity: 'note',
    value: `at most ${formatSize(limit)}`,
    consequence: 'passing a real device through pins all guest memory, which must fit (root is exempt)',
    remedy: 'raise `ulimit -l` (limits.conf: memlock; systemd: LimitMEMLOCK)',
  };
}

function fileCountFinding(files: HostFiles): Finding {
  const limit = limitOf(files, 'Max open files');
  const about = { id: 'nofile', title: 'Open files' };
  const value = limit === Number.POSITIVE_INFINITY ? 'no limit' : `at most ${limit}`;
  if (limit >= FILES_MIN) return { ...about, value, severity: 'ok', consequence: 'two for each vCPU, some per device' };
  return {
    ...about,
    value,
    severity: 'warning',
    consequence: 'guests with many vCPUs or devices may not start',
    remedy: 'raise `ulimit -n` (limits.conf: nofile; systemd: LimitNOFILE)',
  };
}

/** The soft limit of that name in /proc/self/limits. */
function limitOf(files: HostFiles, name: string): number {
  const word = new RegExp(`^${name}\\s+(\\S+)`, 'm').exec(files.text('/proc/self/limits') ?? '')?.[1];
  return word === undefined || word === 'unlimited' ? Number.POSITIVE_INFINITY : Number(word);
}
