import { describe, expect, test } from 'vitest';
import { VIRTIO_ID_BLOCK } from '../../../src/abi/virtio.ts';
import {
  VIRTIO_BLK_S_IOERR as IOERR,
  VIRTIO_BLK_S_OK as OK,
  VIRTIO_BLK_F_BLK_SIZE,
  VIRTIO_BLK_F_CONFIG_WCE,
  VIRTIO_BLK_F_DISCARD,
  VIRTIO_BLK_F_FLUSH,
  VIRTIO_BLK_F_MQ,
  VIRTIO_BLK_F_RO,
  VIRTIO_BLK_F_SEG_MAX,
  VIRTIO_BLK_F_TOPOLOGY,
  VIRTIO_BLK_F_WRITE_ZEROES,
  virtio_blk_config,
} from '../../../src/abi/virtio-blk.ts';
import { ConfigError } from '../../../src/base/errors.ts';
import { unpack } from '../../../src/base/layout.ts';
import { MiB } from '../../../src/base/units.ts';
import { Outcome } from '../../../src/devices/disk.ts';
import type { VirtioBlk } from '../../../src/devices/virtio-blk.ts';
import { BlkRig, header, Type } from '../../support/blk-rig.ts';

const WCE = virtio_blk_config.fields.wce.offset;

function bit(feature: number): bigint {
  return 1n << BigInt(feature);
}

function configOf({ config }: VirtioBlk) {
  const padded = new Uint8Array(virtio_blk_config.size);
  padded.set(config.bytes);
  return unpack(virtio_blk_config, padded);
}

const SECTOR = new Uint8Array(512);

describe('what is offered', () => {
  test('§5.2.3 features follow from the disk and the config', () => {
    const always = [
      VIRTIO_BLK_F_SEG_MAX,
      VIRTIO_BLK_F_BLK_SIZE,
      VIRTIO_BLK_F_FLUSH,
      VIRTIO_BLK_F_TOPOLOGY,
      VIRTIO_BLK_F_CONFIG_WCE,
    ];
    const mask = (...features: number[]) => features.reduce((sum, feature) => sum | bit(feature), 0n);
    expect(new BlkRig().device.id).toBe(VIRTIO_ID_BLOCK);
    expect(new BlkRig().device.features).toBe(mask(...always, VIRTIO_BLK_F_DISCARD, VIRTIO_BLK_F_WRITE_ZEROES));
    expect(new BlkRig({ isReadonly: true }).device.features).toBe(mask(...always, VIRTIO_BLK_F_RO));
    expect(new BlkRig({ canDiscard: false, queues: 2 }).device.features).toBe(
      mask(...always, VIRTIO_BLK_F_WRITE_ZEROES, VIRTIO_BLK_F_MQ),
    );
  });

  test('§5.2.4 the config space: capacity, segments, blocks, limits', () => {
    const blocks = { logical: 4096, physical: 16384, alignmentOffset: 8192, minimumIo: 16384, optimalIo: 1 * MiB };
    const { device } = new BlkRig({ sizeBytes: 3 * MiB + 700, queueSize: 64, queues: 3, blocks });
    expect(device.queueSizes).toEqual([64, 64, 64]);
    expect(configOf(device)).toMatchObject({
      capacity: BigInt((3 * MiB) / 512 + 1),
      seg_max: 62,
      blk_size: 4096,
      physical_block_exp: 2,
      alignment_offset: 2,
      min_io_size: 4,
      opt_io_size: 256,
      wce: 1,
      unused: 0,
      num_queues: 3,
      max_discard_sectors: 2 ** 21,
      max_discard_seg: 32,
      discard_sector_alignment: 32,
      max_write_zeroes_sectors: 2 ** 15,
      max_write_zeroes_seg: 1,
      write_zeroes_may_unmap: 1,
    });
    expect(configOf(new BlkRig({ canDiscard: false }).device).write_zeroes_may_unmap).toBe(0);
  });

  test('seg_max is never 0, which drivers take for no limit', () => {
    expect(configOf(new BlkRig({ queueSize: 2 }).device).seg_max).toBe(1);
  });
});

describe('cache mode (§5.2.5.2, §5.2.6.2)', () => {
  const wceAfter = (features: number[]) => {
    const blk = new BlkRig({ features: features.reduce((sum, feature) => sum | bit(feature), 0n) });
    const wce = blk.device.config.bytes[WCE];
    blk.write(0, SECTOR);
    return { wce, isStable: blk.disk.asked.includes('flush') };
  };

  test('neither FLUSH nor CONFIG_WCE: every write is stable when it is done', () => {
    expect(wceAfter([])).toEqual({ wce: 0, isStable: true });
  });

  test('FLUSH alone: writeback', () => {
    expect(wceAfter([VIRTIO_BLK_F_FLUSH])).toEqual({ wce: 1, isStable: false });
  });

  test('CONFIG_WCE without FLUSH: writeback is 0 at first', () => {
    expect(wceAfter([VIRTIO_BLK_F_CONFIG_WCE])).toEqual({ wce: 0, isStable: true });
  });

  test('the driver changes it, a reset brings back what the config says', () => {
    const blk = new BlkRig();
    blk.write(0, SECTOR);
    expect(blk.disk.asked).not.toContain('flush');
    blk.device.writeConfig(WCE, Uint8Array.of(0));
    blk.write(0, SECTOR);
    expect(blk.disk.asked).toContain('flush');
    blk.device.writeConfig(WCE, Uint8Array.of(255));
    expect(blk.device.config.bytes[WCE]).toBe(1);
    blk.device.writeConfig(WCE, Uint8Array.of(0));
    blk.rig.reset();
    expect(blk.device.config.bytes[WCE]).toBe(1);
  });

  test('G26 no other byte of the config space can be written', () => {
    const { device } = new BlkRig();
    const before = device.config.bytes.slice();
    for (let offset = 0; offset < before.length; offset++) {
      if (offset !== WCE) device.writeConfig(offset, Uint8Array.of(0xff));
      device.writeConfig(offset, Uint8Array.of(0xff, 0xff));
    }
    expect(device.config.bytes).toEqual(before);
  });
});

describe('resize', () => {
  const run = (blk: BlkRig, value?: string) => blk.device.actions['resize']!.run(value);

  test('the capacity changes, with a configuration change, and what is new can be used', () => {
    const blk = new BlkRig({ sizeBytes: 64 * 1024 });
    let changes = 0;
    blk.device.config.onUpdate(() => changes++);
    expect(blk.read(128, 512).status).toBe(IOERR);
    expect(run(blk, '128K')).toBe('The disk has 128 KiB now');
    expect(configOf(blk.device).capacity).toBe(256n);
    expect(changes).toBe(1);
    expect(blk.read(128, 512).status).toBe(OK);
  });

  test('without a size it is what the file has', () => {
    const blk = new BlkRig({ sizeBytes: 64 * 1024 });
    expect(run(blk)).toBe('The disk has 128 KiB now');
  });

  test.each(['', 'big', '1.5G', '1000', '-1'])('%j is no size', (value) => {
    expect(() => run(new BlkRig(), value)).toThrow(ConfigError);
  });
});

describe('queues', () => {
  test('each is served by itself', () => {
    const blk = new BlkRig({ queues: 2 });
    for (const queue of [1, 0]) {
      expect(blk.send({ readable: [header(Type.IN)], writable: [512, 1] }, queue).status).toBe(OK);
    }
  });

  test('G24 after a reset nothing of before is completed, and the disk is at rest', () => {
    const blk = new BlkRig({ sizeBytes: 64 * MiB, ram: { size: 12 * MiB } });
    blk.start({ readable: [header(Type.IN)], writable: [5 * MiB, 1] });
    blk.disk.outcome = Outcome.PENDING;
    blk.start({ readable: [header(Type.IN)], writable: [512, 1] });
    blk.start({ readable: [header(Type.FLUSH)], writable: [1] });
    expect(blk.disk.waiters).toHaveLength(2);
    const old = blk.rig.drivers[0]!;
    blk.rig.reset();
    expect(blk.disk.waiters).toHaveLength(0);
    const done = [old.take(), old.take(), old.take()].filter((buffer) => buffer !== undefined).length;

    blk.disk.outcome = Outcome.DONE;
    blk.activate();
    blk.rig.loop.settle();
    expect(old.outstanding).toBe(3 - done);
    expect(blk.read(0, 512).status).toBe(OK);
    expect(blk.take()).toBeUndefined();
  });

  test('finish: all that was begun is done, however many steps that takes', () => {
    const blk = new BlkRig({ sizeBytes: 64 * MiB, ram: { size: 12 * MiB }, cache: 'writethrough' });
    blk.start({ readable: [header(Type.IN)], writable: [9 * MiB, 1] });
    blk.disk.outcome = Outcome.PENDING;
    blk.start({ readable: [header(Type.OUT), new Uint8Array(512)], writable: [1] });
    blk.start({ readable: [header(Type.FLUSH)], writable: [1] });
    blk.device.finish();
    blk.rig.reset();
    expect([blk.take(), blk.take(), blk.take()].map((done) => done?.status)).toEqual([OK, OK, OK]);
  });

  test('one is stopped and started again while the other goes on', () => {
    const blk = new BlkRig({ queues: 2 });
    blk.device.stopQueue(0);
    blk.start({ readable: [header(Type.IN)], writable: [512, 1] });
    expect(blk.take()).toBeUndefined();
    expect(blk.send({ readable: [header(Type.IN)], writable: [512, 1] }, 1).status).toBe(OK);
  });

  test('the end closes the disk', () => {
    const blk = new BlkRig();
    blk.device[Symbol.dispose]();
    expect(blk.disk.isDisposed).toBe(true);
  });
});

describe('rate limit', () => {
  test('requests wait in the ring until their time, and none is lost', () => {
    const blk = new BlkRig({ requestsPerSecond: 10, burstRequests: 2 });
    for (let count = 0; count < 5; count++) blk.start({ readable: [header(Type.IN)], writable: [512, 1] });
    const done = () => {
      let count = 0;
      while (blk.take()) count++;
      return count;
    };
    expect(done()).toBe(2);
    // The next one goes into debt, which those after it wait for.
    blk.rig.loop.advanceMs(1);
    expect(done()).toBe(1);
    blk.rig.loop.advanceMs(98);
    expect(done()).toBe(0);
    blk.rig.loop.advanceMs(2);
    expect(done()).toBe(1);
    blk.rig.loop.advanceMs(101);
    expect(done()).toBe(1);
  });

  test('a queue that waits does not keep another one waiting for ever', () => {
    const blk = new BlkRig({ queues: 2, bytesPerSecond: 10_000, burstBytes: 1000 });
    for (const queue of [0, 1, 0, 1]) blk.start({ readable: [header(Type.IN)], writable: [1024, 1] }, queue);
    blk.rig.loop.advanceMs(1000);
    expect([blk.take(0), blk.take(0), blk.take(1), blk.take(1)].map((done) => done?.status)).toEqual([OK, OK, OK, OK]);
  });
});
