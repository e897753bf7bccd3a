/**
 * Who reads a disk's 4 KiB from the page cache best: a system call for each request, or io_uring (docs/measurements.md,
 * "Disks"). Runs on any Linux host, the file in memory.
 *
 *   node test/bench/disk-calls.ts
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { IORING_OP_READV } from '../../src/abi/io-uring.ts';
import { O_RDONLY } from '../../src/abi/libc.ts';
import { KiB, MiB } from '../../src/base/units.ts';
import { Fd } from '../../src/host/fd.ts';
import { preadv2 } from '../../src/host/file-io.ts';
import { IoUring } from '../../src/host/io-uring.ts';
import { Mapping } from '../../src/host/mapping.ts';

const FILE_BYTES = 128 * MiB;
const REQUEST_BYTES = 4 * KiB;
const REQUESTS = 100_000;
const ROUNDS = 9;
const IOVEC_BYTES = 16;
/** Requests that are under way together. */
const DEPTH = 8;

const folder = mkdtempSync('/dev/shm/orko-disk-calls-');
process.on('exit', () => rmSync(folder, { recursive: true }));
const path = join(folder, 'disk');
writeFileSync(path, new Uint8Array(FILE_BYTES).fill(1));

using file = Fd.open(path, O_RDONLY);
using memory = Mapping.create(DEPTH * REQUEST_BYTES, { what: 'what is read' });
using table = Mapping.create(DEPTH * IOVEC_BYTES, { what: 'iovecs' });
for (let slot = 0; slot < DEPTH; slot++) {
  table.view.setBigUint64(slot * IOVEC_BYTES, memory.pointer + BigInt(slot * REQUEST_BYTES), true);
  table.view.setBigUint64(slot * IOVEC_BYTES + 8, BigInt(REQUEST_BYTES), true);
}
const ring = IoUring.create(2 * DEPTH);
if (!ring) throw new Error('This kernel has no io_uring for us');

const WAYS = {
  preadv2: () => {
    for (let request = 0; request < REQUESTS; request++) {
      check(preadv2(file.number, table.bytes, 1, offsetOf(request), 0));
    }
  },
  'io_uring, one at a time': () => rounds(1),
  [`io_uring, ${DEPTH} at a time`]: () => rounds(DEPTH),
};

for (const run of Object.values(WAYS)) run();
const times = Object.fromEntries(Object.keys(WAYS).map((way) => [way, [] as number[]]));
for (let round = 0; round < ROUNDS; round++) {
  for (const [way, run] of Object.entries(WAYS)) {
    const before = process.cpuUsage();
    run();
    const { user, system } = process.cpuUsage(before);
    times[way]!.push((user + system) / REQUESTS);
  }
}
for (const [way, all] of Object.entries(times)) {
  const sorted = all.sort((a, b) => a - b);
  console.log(
    `${way}: ${sorted[0]!.toFixed(2)} · ${sorted[ROUNDS >> 1]!.toFixed(2)} µs of CPU a request (smallest · median)`,
  );
}

function rounds(depth: number): void {
  for (let request = 0; request < REQUESTS; request += depth) {
    for (let slot = 0; slot < depth; slot++) {
      const addr = Number(table.pointer) + slot * IOVEC_BYTES;
      ring!.submit(
        { opcode: IORING_OP_READV, fd: file.number, addr, len: 1, off: offsetOf(request + slot), flags: 0 },
        slot,
      );
    }
    const ended = (_: number, result: number) => check(result);
    for (ring!.reap(ended); ring!.pending > 0; ring!.reap(ended)) ring!.wait();
  }
}

/** Here and there, as a guest reads. */
function offsetOf(request: number): number {
  return ((request * 7919) % (FILE_BYTES / REQUEST_BYTES)) * REQUEST_BYTES;
}

function check(result: number): void {
  if (result !== REQUEST_BYTES) throw new Error(`A read returned ${result}`);
}
