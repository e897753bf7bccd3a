/** Who serves the queues of a pair, and when, where the host's kernel can do so: it is told in the order that vhost-net needs. */
import { expect, test } from 'vitest';
import { QueuePair } from '../../../src/devices/net-queue-pair.ts';
import { type NetworkPort, NO_FRAME, type PortKernel } from '../../../src/devices/network.ts';
import { IovecTable } from '../../../src/virtio/iovec-table.ts';
import { RateLimit } from '../../../src/virtio/rate-limit.ts';
import { FakeLoop } from '../../support/fake-loop.ts';

const PORT_FD = 55;
const PLACES = { size: 16, desc: 0x1000, driver: 0x2000, device: 0x3000 };
const WIRES = { kick: 101, call: 102 };

function setup(accepts = true) {
  const told: string[] = [];
  const kernel: PortKernel = {
    accepts: () => accepts,
    begin: (features) => void told.push(`begin ${features}`),
    prepare: (half, { size }, { kick, call }) => void told.push(`prepare ${half} ${size} ${kick} ${call}`),
    run: (half) => void told.push(`run ${half}`),
    hold: (half) => void told.push(`hold ${half}`),
  };
  const port: NetworkPort = {
    fd: PORT_FD,
    room: undefined,
    rest: new Uint8Array(),
    kernel,
    receive: () => NO_FRAME,
    begin: () => new IovecTable(1),
    send: () => 'sent',
    cancel: () => {},
  };
  const loop = new FakeLoop();
  const unlimited = { bytesPerSecond: 0, requestsPerSecond: 0, burstBytes: 0, burstRequests: 0 };
  const limit = () => new RateLimit(loop, unlimited);
  const pair = new QueuePair({ port, hasHeaders: true, loop, limit, closed: () => void told.push('closed') });
  const since = () => told.splice(0);
  return { pair, loop, since };
}

function delegateBoth({ pair }: ReturnType<typeof setup>): boolean[] {
  return (['receive', 'transmit'] as const).map((half) => pair.delegate(half, PLACES, 7n, WIRES));
}

test('it is told of the driver once, then of each queue, and serves them from the start on', () => {
  const rig = setup();
  expect(delegateBoth(rig)).toEqual([true, true]);
  expect(rig.since()).toEqual([
    ...['begin 7', 'prepare receive 16 101 102', 'hold receive'],
    ...['prepare transmit 16 101 102', 'hold transmit'],
  ]);
  rig.pair.start();
  expect(rig.since()).toEqual(['run receive', 'run transmit']);
  expect(rig.pair.isDelegated).toBe(true);
  // Only its end is waited for: the frames are the kernel's.
  expect(rig.loop.wanted(PORT_FD)).toEqual({});
});

test('while the link is down, or the pair is not used, it holds them; afterwards it goes on', () => {
  const rig = setup();
  delegateBoth(rig);
  rig.pair.start();
  rig.since();
  rig.pair.setLink(false);
  rig.pair.stop();
  rig.pair.start();
  expect(rig.since().every((word) => word.startsWith('hold'))).toBe(true);
  rig.pair.setLink(true);
  expect(rig.since()).toEqual(['run receive', 'run transmit']);
});

test('a queue that is reset is taken from it alone, and given again', () => {
  const rig = setup();
  delegateBoth(rig);
  rig.pair.start();
  rig.since();
  rig.pair.stopTransmitting();
  expect(rig.since()).toEqual(['hold transmit']);
  expect(rig.pair.delegate('transmit', PLACES, 7n, WIRES)).toBe(true);
  expect(rig.since()).toEqual(['prepare transmit 16 101 102', 'run transmit']);
});

test('once the driver is gone nothing is served any more, and the next one is told of anew', () => {
  const rig = setup();
  delegateBoth(rig);
  rig.pair.start();
  rig.since();
  rig.pair.release();
  expect(rig.since()).toEqual(['hold receive', 'hold transmit']);
  expect(rig.pair.isDelegated).toBe(false);
  rig.pair.start();
  expect(rig.since()).toEqual([]);
  delegateBoth(rig);
  expect(rig.since()).toContain('begin 7');
});

test('what the kernel cannot serve is ours', () => {
  const rig = setup(false);
  expect(delegateBoth(rig)).toEqual([false, false]);
  rig.pair.start();
  expect(rig.since()).toEqual([]);
});
