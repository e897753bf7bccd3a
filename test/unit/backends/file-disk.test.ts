import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { O_RDONLY, O_RDWR } from '../../../src/abi/libc.ts';
import { FileDisk, type FileDiskOptions } from '../../../src/backends/file-disk.ts';
import { ConfigError } from '../../../src/base/errors.ts';
import { KiB, MiB } from '../../../src/base/units.ts';
import { type Disk, type DiskWaiter, type FinalOutcome, Outcome } from '../../../src/devices/disk.ts';
import { Fd } from '../../../src/host/fd.ts';
import { Mapping } from '../../../src/host/mapping.ts';
import { EpollLoop } from '../../../src/io/io-loop.ts';
import { IovecTable } from '../../../src/virtio/chain.ts';

const SIZE = 1 * MiB;
/** Nobody who has to wait: for what is done at once. */
const WAITER: DiskWaiter = { completed: () => expect.fail('it was not PENDING') };

let directory: string;
let path: string;
let memory: Mapping;
let messages: string[];
let loop: EpollLoop;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'orko-disk-'));
  path = join(directory, 'disk.img');
  writeFileSync(path, Buffer.alloc(SIZE, 0xee));
  memory = Mapping.create(1 * MiB, { what: 'the memory of a test' });
  messages = [];
  loop = new EpollLoop();
});
afterEach(() => {
  loop[Symbol.dispose]();
  memory[Symbol.dispose]();
  rmSync(directory, { recursive: true });
});

function open(options: Partial<FileDiskOptions> = {}): Disk {
  const isReadonly = options.isReadonly ?? false;
  const fd = Fd.open(options.path ?? path, isReadonly ? O_RDONLY : O_RDWR);
  return new FileDisk({
    fd,
    path,
    isReadonly,
    discard: true,
    loop,
    log: (message) => void messages.push(message),
    ...options,
  });
}

/** How a request ends, at once or later. */
function outcomeOf(begin: (waiter: DiskWaiter) => Outcome): Outcome {
  let outcome: Outcome = Outcome.PENDING;
  const waiter = {
    completed(late: FinalOutcome) {
      outcome = late;
    },
  };
  const early = begin(waiter);
  if (early !== Outcome.PENDING) return early;
  while (outcome === Outcome.PENDING) loop.turn();
  return outcome;
}

/** Takes the file out of the page cache. */
function forget(file: string): void {
  execFileSync('dd', [`of=${file}`, 'oflag=nocache', 'conv=notrunc,fdatasync', 'count=0', 'status=none']);
}

/** Pieces of `memory`: [offset, length]. */
function iovecs(...pieces: [number, number][]): IovecTable {
  const table = new IovecTable(16);
  for (const [offset, length] of pieces) table.append(Number(memory.pointer) + offset, length);
  return table;
}

describe('FileDisk', () => {
  test('reads into and writes from scattered memory', () => {
    using disk = open();
    memory.bytes
      .fill(1, 0, 512)
      .fill(2, 4096, 4096 + 1024)
      .fill(3, 9000, 9512);
    expect(disk.write(iovecs([0, 512], [4096, 1024], [9000, 512]), 8192, WAITER)).toBe(Outcome.DONE);
    const file = readFileSync(path);
    expect([file[8191], file[8192], file[8704], file[9728], file[10240]]).toEqual([0xee, 1, 2, 3, 0xee]);
    expect(disk.read(iovecs([20_000, 2048]), 8192, WAITER)).toBe(Outcome.DONE);
    expect(memory.bytes.subarray(20_000, 22_048)).toEqual(new Uint8Array(file.subarray(8192, 10_240)));
    expect(outcomeOf((waiter) => disk.flush(waiter))).toBe(Outcome.DONE);
    expect(messages).toEqual([]);
  });

  test('what is not in memory is read while others go on, many at a time, and each is told', () => {
    using disk = open();
    writeFileSync(
      path,
      Uint8Array.from({ length: SIZE }, (_, index) => index >> 12),
    );
    forget(path);
    const ended: [number, FinalOutcome][] = [];
    const blocks = [200, 7, 90, 33, 150];
    const early = blocks.map((block, index) => {
      const table = iovecs([8192 * index, 1024], [8192 * index + 4096, 3072]);
      return disk.read(table, 4096 * block, { completed: (outcome) => void ended.push([block, outcome]) });
    });
    const pending = blocks.filter((_, index) => early[index] === Outcome.PENDING);
    while (ended.length < pending.length) loop.turn();
    expect(ended.map(([block]) => block).sort()).toEqual([...pending].sort());
    expect(ended.every(([, outcome]) => outcome === Outcome.DONE)).toBe(true);
    for (const [index, block] of blocks.entries()) {
      expect(memory.bytes.subarray(8192 * index, 8192 * index + 1024)).toEqual(new Uint8Array(1024).fill(block));
      expect(memory.bytes.subarray(8192 * index + 4096, 8192 * index + 7168)).toEqual(new Uint8Array(3072).fill(block));
    }
  });

  test('drain: what is pending has ended when it returns, more than fits at once too', () => {
    using disk = open();
    let ended = 0;
    let pending = 0;
    for (let count = 0; count < 200; count++) {
      if (disk.flush({ completed: () => ended++ }) === Outcome.PENDING) pending++;
    }
    disk.drain();
    expect(ended).toBe(pending);
  });

  test('a cold file that became shorter fails too', () => {
    using disk = open();
    truncateSync(path, 6000);
    forget(path);
    expect(outcomeOf((waiter) => disk.read(iovecs([0, 8192]), 4096, waiter))).toBe(Outcome.FAILED);
    expect(messages).toEqual([expect.stringContaining('it ends at 6000')]);
  });

  test('a file that became shorter fails reads beyond its end, and says so once', () => {
    using disk = open();
    truncateSync(path, 4096);
    for (let round = 0; round < 3; round++) {
      expect(outcomeOf((waiter) => disk.read(iovecs([0, 512], [512, 512]), 4096 - 512, waiter))).toBe(Outcome.FAILED);
    }
    expect(messages).toEqual([expect.stringMatching(/disk\.img: it ends at 4096.*truncated/)]);
  });

  test('a host that is full fails writes after what fits, says so once, and recovers', () => {
    // /dev/full has no size and no room.
    using disk = open({ path: '/dev/full' });
    for (let round = 0; round < 3; round++) {
      expect(disk.write(iovecs([0, 512]), 0, WAITER)).toBe(Outcome.FAILED);
    }
    expect(messages).toEqual([expect.stringMatching(/cannot write 512 bytes at 0: No space left \(ENOSPC\)/)]);
  });

  test('memory that is not there is a failed request', () => {
    using disk = open();
    const table = new IovecTable(1);
    table.append(4096, 512);
    expect(disk.read(table, 0, WAITER)).toBe(Outcome.FAILED);
    expect(messages[0]).toContain('EFAULT');
  });

  test('a discard is a hole, and reads as zeroes', () => {
    using disk = open();
    if (!disk.canDiscard) return;
    outcomeOf((waiter) => disk.flush(waiter));
    const before = statSync(path).blocks;
    expect(disk.discard(64 * KiB, 512 * KiB)).toBe(Outcome.DONE);
    expect(statSync(path).blocks).toBeLessThanOrEqual(before - 1024);
    expect(statSync(path).size).toBe(SIZE);
    expect(
      readFileSync(path)
        .subarray(64 * KiB, 576 * KiB)
        .every((byte) => byte === 0),
    ).toBe(true);
    expect(readFileSync(path)[576 * KiB]).toBe(0xee);
  });

  test('finding out whether holes can be made changes nothing', () => {
    const before = statSync(path);
    open()[Symbol.dispose]();
    open({ discard: false })[Symbol.dispose]();
    const after = statSync(path);
    expect([after.size, after.blocks]).toEqual([before.size, before.blocks]);
    expect(readFileSync(path).every((byte) => byte === 0xee)).toBe(true);
  });

  test.each([false, true])('zeroes, may deallocate: %s', (mayDeallocate) => {
    using disk = open();
    expect(disk.writeZeroes(512, 200 * KiB, mayDeallocate)).toBe(Outcome.DONE);
    const file = readFileSync(path);
    expect(file.subarray(512, 512 + 200 * KiB).every((byte) => byte === 0)).toBe(true);
    expect([file[511], file[512 + 200 * KiB], file.length]).toEqual([0xee, 0xee, SIZE]);
  });

  test('zeroes are written out where the file system cannot make them', () => {
    // A memfd is on tmpfs, which has no FALLOC_FL_ZERO_RANGE.
    const shm = join('/dev/shm', `orko-disk-${process.pid}`);
    writeFileSync(shm, Buffer.alloc(SIZE, 0xee));
    try {
      using disk = open({ path: shm, discard: false });
      expect(disk.canDiscard).toBe(false);
      expect(disk.writeZeroes(512, 200 * KiB, true)).toBe(Outcome.DONE);
      const file = readFileSync(shm);
      expect(file.subarray(512, 512 + 200 * KiB).every((byte) => byte === 0)).toBe(true);
      expect([file[511], file[512 + 200 * KiB], file.length]).toEqual([0xee, 0xee, SIZE]);
    } finally {
      rmSync(shm);
    }
  });

  test('resize: grows, takes over a new size, refuses to shrink', () => {
    using disk = open();
    disk.resize(2 * MiB);
    expect([disk.sizeBytes, statSync(path).size]).toEqual([2 * MiB, 2 * MiB]);
    expect(() => disk.resize(1 * MiB)).toThrow(/it has 2 MiB, and a disk only grows/);
    truncateSync(path, 3 * MiB);
    expect(disk.sizeBytes).toBe(2 * MiB);
    disk.resize(undefined);
    expect(disk.sizeBytes).toBe(3 * MiB);
    using readonly = open({ isReadonly: true });
    expect(() => readonly.resize(9 * MiB)).toThrow(ConfigError);
  });

  test('its block sizes are those of the file, or of the config', () => {
    using disk = open();
    expect(disk.blocks).toMatchObject({ logical: 512, physical: 4096, alignmentOffset: 0 });
    using large = open({ logicalBlockSize: 4096 });
    expect(large.blocks).toMatchObject({ logical: 4096, physical: 4096 });
  });

  test('its end closes the file', () => {
    const before = openSync('/dev/null', 'r');
    closeSync(before);
    open()[Symbol.dispose]();
    const after = openSync('/dev/null', 'r');
    closeSync(after);
    expect(after).toBe(before);
  });
});
