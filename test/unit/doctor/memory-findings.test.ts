import { expect, test } from 'vitest';
import { memoryFindings } from '../../../src/doctor/memory-findings.ts';
import { hostTree } from './host-tree.ts';

const THP = '/sys/kernel/mm/transparent_hugepage';
const POOLS = '/sys/kernel/mm/hugepages';
const LIMITS = [
  'Limit                     Soft Limit           Hard Limit           Units     ',
  'Max open files            512                  4096                 files     ',
  'Max locked memory         unlimited            unlimited            bytes     ',
].join('\n');

function find(files: Readonly<Record<string, string>>, id: string) {
  return memoryFindings(hostTree(files)).find((finding) => finding.id === id);
}

test('memoryFindings: little memory is a warning, from 256 MiB on it is not', () => {
  expect(find({ '/proc/meminfo': 'MemAvailable:     262143 kB' }, 'memory')?.severity).toBe('warning');
  expect(find({ '/proc/meminfo': 'MemAvailable:     262144 kB' }, 'memory')).toMatchObject({
    severity: 'ok',
    value: '256 MiB',
  });
});

test('memoryFindings: overcommit mode 2 is a warning with its sysctl', () => {
  expect(find({ '/proc/sys/vm/overcommit_memory': '2' }, 'overcommit')).toMatchObject({
    severity: 'warning',
    remedy: 'sysctl vm.overcommit_memory=0',
  });
  expect(find({ '/proc/sys/vm/overcommit_memory': '0' }, 'overcommit')?.severity).toBe('ok');
});

test('memoryFindings: huge pages off say which file to write', () => {
  expect(find({ [`${THP}/enabled`]: 'always madvise [never]' }, 'thp')).toMatchObject({
    severity: 'warning',
    value: 'never',
    remedy: `echo madvise > ${THP}/enabled`,
  });
  expect(find({ [`${THP}/enabled`]: 'always [madvise] never' }, 'thp')?.severity).toBe('ok');
  const shared = { [`${THP}/shmem_enabled`]: 'always within_size advise [never] deny force' };
  expect(find(shared, 'shmem-thp')).toMatchObject({ severity: 'note', remedy: `echo advise > ${THP}/shmem_enabled` });
});

test('memoryFindings: a kernel without huge pages gets no remedy that cannot work', () => {
  expect(find({}, 'thp')).toMatchObject({ severity: 'warning', value: 'not in this kernel' });
  expect(find({}, 'thp')).not.toHaveProperty('remedy');
  expect(find({}, 'hugepages')).toMatchObject({ severity: 'note', value: 'none' });
});

test('memoryFindings: pools are listed by page size, empty ones only when all are', () => {
  const files = {
    [`${POOLS}/hugepages-1048576kB/nr_hugepages`]: '0',
    [`${POOLS}/hugepages-2048kB/nr_hugepages`]: '8',
    [`${POOLS}/hugepages-2048kB/free_hugepages`]: '3',
  };
  expect(find(files, 'hugepages')).toMatchObject({ severity: 'ok', value: '3 of 8 × 2 MiB free' });
  const empty = { ...files, [`${POOLS}/hugepages-2048kB/nr_hugepages`]: '0' };
  expect(find(empty, 'hugepages')).toMatchObject({ severity: 'note', value: 'empty (2 MiB, 1 GiB)' });
});

test('memoryFindings: soft limits of this process', () => {
  expect(find({ '/proc/self/limits': LIMITS }, 'nofile')).toMatchObject({ severity: 'warning', value: 'at most 512' });
  expect(find({ '/proc/self/limits': LIMITS }, 'memlock')).toMatchObject({ severity: 'ok', value: 'no limit' });
  const small = LIMITS.replaceAll('unlimited', '8388608  ');
  expect(find({ '/proc/self/limits': small }, 'memlock')).toMatchObject({ severity: 'note', value: 'at most 8 MiB' });
});
