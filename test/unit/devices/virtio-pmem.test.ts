import { describe, expect, test } from 'vitest';
import { VIRTIO_ID_PMEM } from '../../../src/abi/virtio.ts';
import { VIRTIO_PMEM_REQ_TYPE_FLUSH, virtio_pmem_config } from '../../../src/abi/virtio-pmem.ts';
import { GuestFault } from '../../../src/base/errors.ts';
import { unpack } from '../../../src/base/layout.ts';
import { GiB, MiB } from '../../../src/base/units.ts';
import { type PersistentMemory, VirtioPmem } from '../../../src/devices/virtio-pmem.ts';
import { DeviceRig } from '../../support/device-rig.ts';
import { random } from '../../support/random.ts';

const REQUESTS = 0;
const FLUSH = Uint8Array.of(VIRTIO_PMEM_REQ_TYPE_FLUSH, 0, 0, 0);
const DURABLE = Uint8Array.of(0, 0, 0, 0);
const FAILED = Uint8Array.of(0xff, 0xff, 0xff, 0xff);

/** A flush ends when the test says so. */
class FakeMemory implements PersistentMemory {
  readonly what = 'a file of pmem0';
  readonly pointer = 0x7f00_0000_0000n;
  readonly size = 6 * MiB;
  readonly readOnly = false;
  flushes = 0;
  isClosed = false;
  #done: ((isDurable: boolean) => void) | undefined;

  flush(done: (isDurable: boolean) => void): void {
    expect(this.#done).toBeUndefined();
    this.flushes++;
    this.#done = done;
  }

  finish(isDurable = true): void {
    const done = this.#done!;
    this.#done = undefined;
    done(isDurable);
  }

  [Symbol.dispose](): void {
    this.isClosed = true;
  }
}

function setUp() {
  const memory = new FakeMemory();
  const rig = new DeviceRig(() => new VirtioPmem(memory, 64));
  rig.activate();
  const driver = () => rig.drivers[REQUESTS]!;
  const flush = () => rig.send(REQUESTS, { readable: [FLUSH], writable: [4] });
  return { memory, rig, device: rig.device, driver, flush };
}

describe('VirtioPmem', () => {
  test('§5.19.5.1 tells where it lies, in the config space and as shared memory region 0', () => {
    const { device, memory } = setUp();
    expect(device.id).toBe(VIRTIO_ID_PMEM);
    expect(device.features).toBe(1n);
    const [window] = device.windows;
    expect(window).toMatchObject({ size: 6 * MiB, pointer: memory.pointer, readOnly: false, shmId: 0 });
    window!.placed(5 * GiB);
    expect(unpack(virtio_pmem_config, device.config.bytes)).toEqual({ start: BigInt(5 * GiB), size: BigInt(6 * MiB) });
  });

  test('§5.19.7.1 a flush is answered when it is durable, not before; 0 for success', () => {
    const { memory, rig, driver, flush } = setUp();
    expect(flush()).toBeUndefined();
    expect([memory.flushes, rig.interrupts]).toEqual([1, 0]);
    memory.finish();
    expect(driver().take()?.written()).toEqual(DURABLE);
    expect(rig.interrupts).toBe(1);
  });

  test('§5.19.7.2 -1 for failure', () => {
    const { memory, driver, flush } = setUp();
    flush();
    memory.finish(false);
    expect(driver().take()?.written()).toEqual(FAILED);
  });

  test('requests that come while a flush runs get one of their own, together', () => {
    const { memory, device, driver, flush } = setUp();
    flush();
    flush();
    flush();
    expect(memory.flushes).toBe(1);
    memory.finish();
    expect(driver().take()?.written()).toEqual(DURABLE);
    expect(driver().take()).toBeUndefined();
    expect(memory.flushes).toBe(2);
    memory.finish(false);
    expect([driver().take(), driver().take()].map((used) => used?.written())).toEqual([FAILED, FAILED]);
    expect(device.counters()).toEqual({ flushes: 2 });
  });

  test('a reset while a flush runs: nobody is answered, and the next driver gets its own flush', () => {
    const { memory, rig, driver, flush } = setUp();
    flush();
    flush();
    const old = driver();
    rig.reset();
    rig.activate();
    expect(flush()).toBeUndefined();
    memory.finish();
    expect(old.take()).toBeUndefined();
    expect(driver().take()).toBeUndefined();
    memory.finish();
    expect(driver().take()?.written()).toEqual(DURABLE);
    expect(memory.flushes).toBe(2);
  });

  test('dispose: closes the file', () => {
    const { memory, device } = setUp();
    device[Symbol.dispose]();
    expect(memory.isClosed).toBe(true);
  });

  test.each([
    ['of an unknown type', { readable: [Uint8Array.of(1, 0, 0, 0)], writable: [4] }],
    ['too short', { readable: [Uint8Array.of(0, 0)], writable: [4] }],
    ['without a request', { writable: [4] }],
  ])('G32: a request %s fails', (_, request) => {
    const { memory, rig, driver } = setUp();
    rig.send(REQUESTS, request);
    memory.finish();
    expect(driver().take()?.written()).toEqual(FAILED);
  });

  test('G32: a long request and a long response are as good as short ones', () => {
    const { memory, rig, driver } = setUp();
    rig.send(REQUESTS, {
      readable: [FLUSH.subarray(0, 1), FLUSH.subarray(1), new Uint8Array(5000)],
      writable: [1, 5000],
    });
    memory.finish();
    const used = driver().take()!;
    expect(used.usedLength).toBe(4);
    expect(used.written()).toEqual(DURABLE);
  });

  test('G32: a request without room for the response is a fault of the guest', () => {
    const { rig } = setUp();
    expect(() => rig.send(REQUESTS, { readable: [FLUSH], writable: [3] })).toThrow(GuestFault);
    expect(() => rig.send(REQUESTS, { readable: [FLUSH] })).toThrow(GuestFault);
  });

  test('G32: random requests: only a GuestFault comes out, and everything else is answered', () => {
    const { below, seed } = random();
    for (let round = 0; round < 300; round++) {
      const { memory, rig, driver } = setUp();
      try {
        let sent = 0;
        for (; sent < 8; sent++) {
          const readable = [Uint8Array.from({ length: below(9) }, () => below(2) * below(256))];
          driver().add({ readable, writable: [below(12) + 1] });
        }
        driver().kick();
        rig.notify(REQUESTS);
        memory.finish(below(2) === 0);
        for (; sent > 0; sent--) expect(driver().take(), `seed ${seed}`).toBeDefined();
      } catch (error) {
        if (!(error instanceof GuestFault)) throw error;
      }
    }
  });
});
