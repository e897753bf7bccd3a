import { describe, expect, test } from 'vitest';
import {
  VIRTIO_BLK_S_IOERR as IOERR,
  VIRTIO_BLK_S_OK as OK,
  VIRTIO_BLK_S_UNSUPP as UNSUPP,
  VIRTIO_BLK_F_DISCARD,
  VIRTIO_BLK_T_SCSI_CMD,
  VIRTIO_BLK_T_SECURE_ERASE,
  VIRTIO_BLK_T_ZONE_APPEND,
} from '../../../src/abi/virtio-blk.ts';
import { MiB } from '../../../src/base/units.ts';
import {
  DISCARD_SECTORS_MAX,
  DISCARD_SEGMENTS_MAX,
  WRITE_ZEROES_SECTORS_MAX,
} from '../../../src/devices/blk-request.ts';
import { Outcome } from '../../../src/devices/disk.ts';
import { BlkRig, header, range, Type } from '../../support/blk-rig.ts';
import { random } from '../../support/random.ts';

const SECTORS = 128;
const UNMAP = 1;

function pattern(length: number, seed = 1): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => index * 7 + seed);
}

/** Cuts `bytes` into pieces of random sizes, some of them empty. */
function cut(bytes: Uint8Array, below: (bound: number) => number): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = below(5) === 0 ? 0 : 1 + below(Math.max(1, Math.ceil(bytes.length / 3)));
    pieces.push(bytes.subarray(at, at + length));
    at += length;
  }
  return pieces;
}

function concat(...parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

describe('reads and writes', () => {
  test('§5.2.6 what is written is read again', () => {
    const blk = new BlkRig();
    const data = pattern(1024);

    expect(blk.write(2, data)).toMatchObject({ status: OK, used: 1 });
    expect(blk.read(2, 1024)).toEqual({ status: OK, used: 1025, data });
    expect(blk.disk.bytes.subarray(1024, 2048)).toEqual(data);
  });

  test('§2.7.4 framing: header, data and status may be cut anywhere', () => {
    const { seed, below } = random();
    for (let round = 0; round < 60; round++) {
      const blk = new BlkRig({ queueSize: 256, ram: { size: MiB } });
      const data = pattern(512 * (1 + below(4)), round);
      const sector = below(SECTORS - 4);
      const written = blk.send({ readable: cut(concat(header(Type.OUT, sector), data), below), writable: [1] });
      expect(written.status, `seed ${seed}`).toBe(OK);

      const writable = cut(new Uint8Array(data.length + 1), below).map(({ length }) => length);
      const read = blk.send({ readable: cut(header(Type.IN, sector), below), writable });
      expect(read, `seed ${seed}`).toEqual({ status: OK, used: data.length + 1, data });
    }
  });

  test('the last sector is inside, the one after it is not; nothing is transferred then', () => {
    const blk = new BlkRig();
    expect(blk.read(SECTORS - 1, 512).status).toBe(OK);
    blk.disk.asked.length = 0;

    for (const [sector, length] of [
      [SECTORS, 512],
      [SECTORS - 1, 1024],
      [2 ** 32, 512],
    ] as const) {
      expect(blk.read(sector, length)).toMatchObject({ status: IOERR, used: 0 });
      expect(blk.write(sector, pattern(length)).status).toBe(IOERR);
    }
    expect(blk.disk.asked).toEqual([]);
  });

  test('G32 a sector at which sector × 512 or sector + length overflows 64 bits is an error', () => {
    const blk = new BlkRig();
    const last = 2n ** 64n - 1n;
    for (const sector of [last, last - 1n, 2n ** 55n, 2n ** 55n - 1n, 2n ** 63n]) {
      expect(blk.read(sector, 512).status).toBe(IOERR);
      expect(blk.write(sector, pattern(512)).status).toBe(IOERR);
      expect(blk.ranges(Type.DISCARD, range(sector, 1)).status).toBe(IOERR);
      expect(blk.ranges(Type.WRITE_ZEROES, range(sector, 1)).status).toBe(IOERR);
    }
    expect(blk.disk.asked).toEqual([]);
  });

  test('data that is no multiple of a sector is an error, no data at all is none', () => {
    const blk = new BlkRig();
    for (const length of [1, 511, 513]) {
      expect(blk.read(0, length).status).toBe(IOERR);
      expect(blk.write(0, pattern(length)).status).toBe(IOERR);
    }
    expect(blk.send({ readable: [header(Type.IN)], writable: [1] })).toMatchObject({ status: OK, used: 1 });
    expect(blk.send({ readable: [header(Type.OUT)], writable: [1] })).toMatchObject({ status: OK, used: 1 });
    expect(blk.disk.asked).toEqual([]);
  });

  test('§5.2.6.2 a read-only disk fails writes, discards and zeroes, and does nothing', () => {
    const blk = new BlkRig({ isReadonly: true });
    expect(blk.write(0, pattern(512)).status).toBe(IOERR);
    expect(blk.ranges(Type.DISCARD, range(0, 1)).status).toBe(IOERR);
    expect(blk.ranges(Type.WRITE_ZEROES, range(0, 1)).status).toBe(IOERR);
    expect(blk.disk.asked).toEqual([]);
    expect(blk.read(0, 512).status).toBe(OK);
  });

  test('a disk that fails is an I/O error of the guest, and used bytes are only those that are right', () => {
    const blk = new BlkRig();
    blk.disk.outcome = Outcome.FAILED;
    expect(blk.read(0, 512)).toMatchObject({ status: IOERR, used: 0 });
    expect(blk.write(0, pattern(512))).toMatchObject({ status: IOERR, used: 1 });
    expect(blk.flush().status).toBe(IOERR);
    blk.disk.outcome = Outcome.DONE;
    expect(blk.read(0, 512).status).toBe(OK);
  });

  test('writable bytes before the status of a write stay as they are, and do not count as used', () => {
    const blk = new BlkRig();
    const request = { readable: [header(Type.OUT), pattern(512)], writable: [7, 1] };
    expect(blk.send(request)).toEqual({ status: OK, used: 0, data: new Uint8Array(7) });
  });

  test('a long request is done in steps of 4 MiB, one a turn, and others are served between them', () => {
    const blk = new BlkRig({ sizeBytes: 64 * MiB, ram: { size: 12 * MiB } });
    blk.start({ readable: [header(Type.IN)], writable: [10 * MiB, 1] });
    expect(blk.disk.asked).toEqual([`read 0 +${4 * MiB}`]);
    expect(blk.read(0, 512).status).toBe(OK);
    expect(blk.take()).toMatchObject({ status: OK, used: 10 * MiB + 1 });
    expect(blk.disk.asked).toEqual([
      `read 0 +${4 * MiB}`,
      'read 0 +512',
      `read ${4 * MiB} +${4 * MiB}`,
      `read ${8 * MiB} +${2 * MiB}`,
    ]);
  });

  test('a step that fails ends a long request', () => {
    const blk = new BlkRig({ sizeBytes: 64 * MiB, ram: { size: 12 * MiB } });
    blk.start({ readable: [header(Type.IN)], writable: [10 * MiB, 1] });
    blk.disk.outcome = Outcome.FAILED;
    blk.rig.loop.settle();
    expect(blk.take()).toMatchObject({ status: IOERR, used: 0 });
    expect(blk.disk.asked).toHaveLength(2);
  });

  test('more segments than a system call takes are done in several', () => {
    const blk = new BlkRig({ queueSize: 4096 });
    const bytes = pattern(2048);
    const request = { readable: [header(Type.OUT), ...[...bytes].map((byte) => Uint8Array.of(byte))], writable: [1] };
    expect(blk.send(request).status).toBe(OK);
    expect(blk.disk.asked).toEqual(['write 0 +1024', 'write 1024 +1024']);
    expect(blk.disk.bytes.subarray(0, 2048)).toEqual(bytes);
  });

  test('PENDING requests are done when the disk says so, in its order', () => {
    const blk = new BlkRig();
    blk.disk.outcome = Outcome.PENDING;
    blk.start({ readable: [header(Type.IN, 0)], writable: [512, 1] });
    blk.start({ readable: [header(Type.IN, 1)], writable: [1024, 1] });
    expect(blk.take()).toBeUndefined();
    const { interrupts } = blk.rig;
    blk.disk.waiters.reverse();
    blk.disk.complete();
    expect(blk.take()).toMatchObject({ status: OK, used: 1025 });
    expect(blk.rig.interrupts).toBe(interrupts + 1);
    blk.disk.complete(Outcome.FAILED);
    expect(blk.take()).toMatchObject({ status: IOERR });
  });
});

describe('flush', () => {
  test('those of one turn are one, and begin after its writes', () => {
    const blk = new BlkRig();
    const driver = blk.rig.drivers[0]!;
    for (const request of [
      { readable: [header(Type.FLUSH)], writable: [1] },
      { readable: [header(Type.OUT, 3), pattern(512)], writable: [1] },
      { readable: [header(Type.FLUSH)], writable: [1] },
    ]) {
      driver.add(request);
    }
    driver.kick();
    blk.rig.notify(0);
    expect(blk.disk.asked).toEqual(['write 1536 +512', 'flush']);
    expect([blk.take()?.status, blk.take()?.status, blk.take()?.status]).toEqual([OK, OK, OK]);
    expect(blk.rig.interrupts).toBeGreaterThan(0);
  });

  test('writethrough: a write, or zeroes, is done when a flush after it is', () => {
    const blk = new BlkRig({ cache: 'writethrough' });
    blk.disk.outcome = Outcome.DONE;
    expect(blk.write(0, pattern(512)).status).toBe(OK);
    expect(blk.ranges(Type.WRITE_ZEROES, range(0, 1)).status).toBe(OK);
    expect(blk.ranges(Type.DISCARD, range(0, 1)).status).toBe(OK);
    expect(blk.disk.asked).toEqual(['write 0 +512', 'flush', 'zero 0 +512', 'flush', 'discard 0 +512']);
  });

  test('writethrough: a flush that fails fails the writes that waited for it', () => {
    const blk = new BlkRig({ cache: 'writethrough' });
    const disk = blk.disk;
    const write = disk.write.bind(disk);
    disk.write = (iovecs, offset, waiter) => {
      const outcome = write(iovecs, offset, waiter);
      disk.outcome = Outcome.FAILED;
      return outcome;
    };
    expect(blk.write(0, pattern(512)).status).toBe(IOERR);
  });
});

describe('GET_ID', () => {
  test.each([
    ['disk0', 20, 'disk0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0'],
    ['exactly-twenty-bytes', 20, 'exactly-twenty-bytes'],
    ['more-than-twenty-bytes', 20, 'more-than-twenty-byt'],
    ['short buffer', 5, 'short'],
    ['long', 24, 'long\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0'],
  ])('serial %j in %i bytes', (serial, length, expected) => {
    const blk = new BlkRig({ serial });
    const { status, data, used } = blk.send({ readable: [header(Type.GET_ID)], writable: [length, 1] });
    expect(status).toBe(OK);
    expect(String.fromCharCode(...data)).toBe(expected);
    expect(used).toBe(length > 20 ? 20 : length + 1);
  });
});

describe('discard and write zeroes', () => {
  test('each range of a discard is passed on', () => {
    const blk = new BlkRig();
    expect(blk.ranges(Type.DISCARD, range(0, 8), range(16, 4), range(20, 0)).status).toBe(OK);
    expect(blk.disk.asked).toEqual(['discard 0 +4096', 'discard 8192 +2048']);
  });

  test('zeroes are zeroes, deallocated only where the driver allows it', () => {
    const blk = new BlkRig();
    blk.disk.bytes.fill(7);
    expect(blk.ranges(Type.WRITE_ZEROES, range(1, 1)).status).toBe(OK);
    expect(blk.ranges(Type.WRITE_ZEROES, range(2, 1, UNMAP)).status).toBe(OK);
    expect(blk.disk.asked).toEqual(['zero 512 +512', 'unmap 1024 +512']);
    expect(blk.read(0, 2048).data).toEqual(
      concat(new Uint8Array(512).fill(7), new Uint8Array(1024), new Uint8Array(512).fill(7)),
    );
  });

  test('§5.2.6.2 unknown flags, and unmap on a discard, are not supported', () => {
    const blk = new BlkRig();
    expect(blk.ranges(Type.DISCARD, range(0, 1, UNMAP)).status).toBe(UNSUPP);
    expect(blk.ranges(Type.DISCARD, range(0, 1), range(0, 1, 0x8000_0000)).status).toBe(UNSUPP);
    expect(blk.ranges(Type.WRITE_ZEROES, range(0, 1, 2)).status).toBe(UNSUPP);
    expect(blk.disk.asked).toEqual([]);
  });

  test('G32 limits: too many ranges, too long ones, none, pieces of one, beyond the end: nothing is done', () => {
    const huge = 2 ** 50;
    const blk = new BlkRig({ sizeBytes: huge, ram: { size: MiB }, queueSize: 256 });
    const many = Array.from({ length: DISCARD_SEGMENTS_MAX }, (_, index) => range(index, 1));
    expect(blk.ranges(Type.DISCARD, ...many).status).toBe(OK);
    blk.disk.asked.length = 0;

    for (const [type, ...ranges] of [
      [Type.DISCARD, ...many, range(0, 1)],
      [Type.DISCARD, range(0, DISCARD_SECTORS_MAX + 1)],
      [Type.DISCARD],
      [Type.DISCARD, range(0, 1).subarray(0, 15)],
      [Type.DISCARD, range(0, 1), range(0, 1).subarray(0, 1)],
      [Type.DISCARD, range(0, 1), range(huge / 512, 1)],
      [Type.WRITE_ZEROES, range(0, 1), range(1, 1)],
      [Type.WRITE_ZEROES, range(0, WRITE_ZEROES_SECTORS_MAX + 1)],
      [Type.WRITE_ZEROES, range(0, 0xffff_ffff)],
    ] as [number, ...Uint8Array[]][]) {
      expect(blk.ranges(type, ...ranges).status).toBe(IOERR);
    }
    expect(blk.disk.asked).toEqual([]);
  });

  test('a driver that did not negotiate them gets none', () => {
    const blk = new BlkRig({ features: 0n });
    expect(blk.ranges(Type.DISCARD, range(0, 1)).status).toBe(UNSUPP);
    expect(blk.ranges(Type.WRITE_ZEROES, range(0, 1)).status).toBe(UNSUPP);
    const cannot = new BlkRig({ canDiscard: false });
    expect(cannot.device.features & (1n << BigInt(VIRTIO_BLK_F_DISCARD))).toBe(0n);
    expect(cannot.ranges(Type.DISCARD, range(0, 1)).status).toBe(UNSUPP);
  });

  test('a file system that finds out later that it cannot is told as such', () => {
    const blk = new BlkRig();
    blk.disk.outcome = Outcome.UNSUPPORTED;
    expect(blk.ranges(Type.DISCARD, range(0, 1)).status).toBe(UNSUPP);
  });
});

describe('requests that are none', () => {
  test.each([
    VIRTIO_BLK_T_SCSI_CMD,
    VIRTIO_BLK_T_SECURE_ERASE,
    VIRTIO_BLK_T_ZONE_APPEND,
    5,
    99,
    0x8000_0000,
    0xffff_ffff,
  ])('type %i is not supported', (type) => {
    const blk = new BlkRig();
    expect(blk.send({ readable: [header(type)], writable: [512, 1] })).toMatchObject({ status: UNSUPP, used: 0 });
  });

  test('a header that is too short is an error', () => {
    const blk = new BlkRig();
    expect(blk.send({ readable: [header(Type.IN).subarray(0, 15)], writable: [512, 1] }).status).toBe(IOERR);
    expect(blk.send({ writable: [1] }).status).toBe(IOERR);
  });

  test('without room for a status nothing is done, and the buffer comes back', () => {
    const blk = new BlkRig();
    blk.start({ readable: [header(Type.OUT), pattern(512)] });
    expect(blk.rig.drivers[0]!.take()?.usedLength).toBe(0);
    expect(blk.disk.asked).toEqual([]);
    expect(blk.read(0, 512).status).toBe(OK);
  });

  test('G15 random headers, lengths and cuts end in a status and never in a fault', () => {
    const { seed, below, pick } = random();
    const blk = new BlkRig({ queueSize: 256 });
    for (let round = 0; round < 500; round++) {
      const mark = blk.rig.ram.mark;
      const type = pick([...Object.values(Type), below(2 ** 32)]);
      const sector = pick([below(SECTORS), below(2 ** 32), 2 ** 53]);
      const body = Uint8Array.from({ length: pick([0, 1, 16, 512, below(2000)]) }, () => below(256));
      const writable = cut(new Uint8Array(1 + pick([0, 20, 512, below(2000)])), below).map(({ length }) => length);
      const readable = cut(concat(header(type, sector), body).subarray(0, 1 + below(2048)), below);
      const { status, used } = blk.send({ readable, writable });
      expect([OK, IOERR, UNSUPP], `seed ${seed}`).toContain(status);
      expect(used, `seed ${seed}`).toBeLessThanOrEqual(writable.reduce((sum, length) => sum + length, 0));
      blk.rig.ram.release(mark);
    }
  });
});
