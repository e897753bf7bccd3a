/** Shared memory that a back-end shows to a guest (SHMEM_MAP), seen from inside: what is shown, what is not, and what is gone. */
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { type HostProcess, host, type NestedHost } from '../support/nested-host.ts';
import { complaintsOf, payload, startVm, TEST_TIMEOUT_MS } from '../support/vm.ts';

const BACK_END = join(import.meta.dirname, '../support/memory-back-end.ts');
const WRITTEN = '12345678';
const READY_MS = 60_000;

let l1: NestedHost;
beforeAll(async () => {
  l1 = await host('main');
});

/** Has the back-end do something; what it answers. */
async function order(backEnd: HostProcess, line: string): Promise<string> {
  const before = backEnd.stdout.length;
  backEnd.write(`${line}\n`);
  const answer = new RegExp(`${line}: (\\w+)\\n`);
  await expect.poll(() => answer.test(backEnd.stdout.slice(before)), { timeout: READY_MS }).toBe(true);
  return answer.exec(backEnd.stdout.slice(before))![1]!;
}

describe('shared memory', { timeout: TEST_TIMEOUT_MS }, () => {
  test.each([
    ['mmio', 'auto'],
    ['mmio', 'off'],
    ['pci', 'auto'],
  ])('on %s is shown and taken back, and gone after a reset (register-pages: %s)', async (transport, pages) => {
    const socket = `/tmp/shared-memory-${process.pid}-${transport}-${pages}.sock`;
    const backEnd = l1.spawn(`exec node ${BACK_END} ${socket}`);
    const backend = { socket, 'start-timeout-s': 60 };
    const devices = { shm: { type: 'vhost-user', id: 42, queues: 1, transport, backend } };
    await using vm = await startVm(l1, { kernel: payload('shared-memory'), 'register-pages': pages, devices });
    await vm.printed(/WAIT show\r?\n/);
    expect(await order(backEnd, 'map 0')).toBe('0');
    await vm.printed(/WAIT show read-only\r?\n/);
    expect(await order(backEnd, 'word 0 1')).toBe(WRITTEN);
    expect(await order(backEnd, 'map 0')).toBe('1');
    expect(await order(backEnd, 'map 16')).toBe('1');
    expect(await order(backEnd, 'map 5 read-only')).toBe('0');
    await vm.printed(/WAIT take back\r?\n/);
    expect(await order(backEnd, 'unmap 0')).toBe('0');
    await vm.printed(/WAIT show again\r?\n/);
    expect(await order(backEnd, 'map 0')).toBe('0');
    await vm.printed(/WAIT end\r?\n/);
    await backEnd.kill('KILL');
    expect(await vm.exited()).toBe(0);
    expect(complaintsOf(vm.output)).toEqual([]);
    expect(vm.messages).toContain(
      'it may not show 65536 bytes at 0 of shared memory region 3: something is shown there',
    );
    expect(vm.messages).toContain(
      'it may not show 65536 bytes at 1048576 of shared memory region 3: the region has 1048576',
    );
    await l1.run(`rm -f ${socket}`);
  });
});
