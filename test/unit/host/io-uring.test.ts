import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { EBADF } from '../../../src/abi/errno.ts';
import { IORING_OP_NOP, IORING_OP_READ } from '../../../src/abi/io-uring.ts';
import { O_RDONLY } from '../../../src/abi/libc.ts';
import { Fd } from '../../../src/host/fd.ts';
import { IoUring, type Submission } from '../../../src/host/io-uring.ts';
import { pollReadable } from '../../../src/host/libc.ts';
import { Mapping } from '../../../src/host/mapping.ts';

const NOP: Submission = { opcode: IORING_OP_NOP, fd: -1, addr: 0, len: 0, off: 0, flags: 0 };
const ENTRIES = 8;
/** A kernel or a sandbox may forbid it, and disks do without. */
const ring = IoUring.create(1);
const uringTest = test.skipIf(ring === undefined);
ring?.[Symbol.dispose]();

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'orko-uring-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function drain(ring: IoUring): Map<number, number> {
  const results = new Map<number, number>();
  const note = (id: number, result: number) => void results.set(id, result);
  for (ring.reap(note); ring.pending > 0; ring.reap(note)) ring.wait();
  return results;
}

uringTest('IoUring: calls end with their ids and results, round after round', () => {
  using ring = IoUring.create(ENTRIES)!;
  for (let round = 0; round < 10; round++) {
    for (let id = 0; id < ENTRIES - 1; id++) ring.submit(NOP, 100 * round + id);
    expect([...drain(ring)]).toEqual(Array.from({ length: ENTRIES - 1 }, (_, id) => [100 * round + id, 0]));
  }
});

uringTest('IoUring: a read brings bytes to where it was told, a wrong one an errno', () => {
  using ring = IoUring.create(ENTRIES)!;
  const path = join(directory, 'file');
  writeFileSync(path, 'abcdefghij');
  using fd = Fd.open(path, O_RDONLY);
  using memory = Mapping.create(4096, { what: 'a test' });
  const addr = Number(memory.pointer);
  ring.submit({ opcode: IORING_OP_READ, fd: fd.number, addr, len: 4, off: 3, flags: 0 }, 1);
  ring.submit({ opcode: IORING_OP_READ, fd: fd.number, addr: addr + 100, len: 100, off: 8, flags: 0 }, 2);
  ring.submit({ opcode: IORING_OP_READ, fd: 9999, addr, len: 4, off: 0, flags: 0 }, 3);
  const results = drain(ring);
  expect([results.get(1), results.get(2), results.get(3)]).toEqual([4, 2, -EBADF]);
  expect(String.fromCharCode(...memory.bytes.subarray(0, 4), ...memory.bytes.subarray(100, 102))).toBe('defgij');
});

uringTest('IoUring: what ends may begin the next, and its file descriptor says when there is something', async () => {
  using ring = IoUring.create(ENTRIES)!;
  ring.submit(NOP, 5);
  await new Promise<void>((resolve) => {
    const stop = pollReadable(ring.fd, () => {
      stop();
      resolve();
    });
  });
  const ended: number[] = [];
  ring.reap((id) => {
    ended.push(id);
    if (id > 0) ring.submit(NOP, id - 1);
  });
  while (ring.pending > 0) {
    ring.wait();
    ring.reap((id) => {
      ended.push(id);
      if (id > 0) ring.submit(NOP, id - 1);
    });
  }
  expect(ended).toEqual([5, 4, 3, 2, 1, 0]);
});
