/** A device whose rings come and go one by one, as front-ends give and take them. */
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { VIRTIO_F_VERSION_1 } from '../../../src/abi/virtio.ts';
import { Mapping } from '../../../src/host/mapping.ts';
import { UnixSocket } from '../../../src/host/unix-socket.ts';
import { features } from '../../../src/virtio/features.ts';
import type { RingPosition } from '../../../src/virtio/ring.ts';
import { ExportRig, RAM_SIZE } from '../../support/back-end-rig.ts';
import { DriverQueue } from '../../support/driver.ts';
import { GuestRam } from '../../support/guest-ram.ts';
import { RAM_BASE } from '../../support/session-rig.ts';

const DRIVER = features(VIRTIO_F_VERSION_1);
const START = { avail: 0, used: 0 };
const QUEUE_SIZE = 8;

let rig: ExportRig;
afterEach(() => rig[Symbol.dispose]());

/** The device, queues of a driver in guest memory, and what runs them. */
async function create(type: 'console' | 'rng', keys: Readonly<Record<string, string>> = {}) {
  rig = await ExportRig.create(type, keys);
  const { buffer, pointer } = rig.resources.use(Mapping.create(RAM_SIZE, { what: 'a test' }));
  const ram = new GuestRam({ base: RAM_BASE, buffer, pointer });
  rig.memory.replaceRegions([{ range: { base: RAM_BASE, size: RAM_SIZE }, buffer, pointer }]);
  const queues = Array.from({ length: 2 }, () => new DriverQueue(ram, QUEUE_SIZE));
  const run = (index: number, start: RingPosition = START) => {
    rig.exported.startRing({ index, ...queues[index]!.places, start, notes: undefined }, DRIVER);
    turn();
  };
  return { queues, run };
}

function turn(): void {
  const cancel = rig.loop.after(0, () => {});
  rig.loop.turn();
  cancel();
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

test('a console whose rings come one after the other, stop, and go on where they stood', async () => {
  const path = join('/tmp', `orko-export-${process.pid}.sock`);
  const { queues, run } = await create('console', { console: `unix:${path}` });
  const [receive, transmit] = queues;
  for (let count = 0; count < 3; count++) receive!.add({ writable: [16] });
  receive!.kick();
  run(0);
  transmit!.add({ readable: [new TextEncoder().encode('from the guest')] });
  transmit!.kick();
  run(1);
  const client = rig.resources.use(UnixSocket.connect(path));
  expect(text(rig.got(() => client.receive(64, 0), 'output').bytes)).toBe('from the guest');
  client.send(new TextEncoder().encode('in'));
  expect(text(rig.got(() => receive!.take(), 'input').written())).toBe('in');
  rig.until(() => transmit!.take() !== undefined, 'the buffer');

  expect(rig.exported.stopRing(1)).toEqual({ avail: 1, used: 1 });
  transmit!.add({ readable: [new TextEncoder().encode('and more')] });
  transmit!.kick();
  turn();
  run(1, { avail: 1, used: 1 });
  expect(text(rig.got(() => client.receive(64, 0), 'output').bytes)).toBe('and more');
  expect(rig.exported.stopRing(0)).toEqual({ avail: 1, used: 1 });
  expect(rig.exported.stopRing(1)).toEqual({ avail: 2, used: 2 });
  for (const index of [0, 1]) run(index, { avail: index + 1, used: index + 1 });
  client.send(new TextEncoder().encode('again'));
  expect(text(rig.got(() => receive!.take(), 'input').written())).toBe('again');
});

test('a ring that is stopped before the device has begun stands where it stood', async () => {
  const { queues } = await create('rng');
  rig.exported.startRing({ index: 0, ...queues[0]!.places, start: { avail: 5 }, notes: undefined }, DRIVER);
  expect(rig.exported.stopRing(0)).toEqual({ avail: 5, used: 5 });
  turn();
});

test('rings beyond those of the device are taken and left alone', async () => {
  const path = join('/tmp', `orko-export-${process.pid}.sock`);
  const { queues } = await create('console', { console: `unix:${path}` });
  expect(rig.exported.queueCount).toBe(4);
  rig.exported.startRing({ index: 3, ...queues[1]!.places, start: START, notes: undefined }, DRIVER);
  turn();
  rig.exported.kicked(3);
  expect(rig.exported.stopRing(3)).toEqual(START);
});
