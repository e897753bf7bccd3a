/** A network card with several pairs of queues that another process serves: its control queue is ours. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { VIRTIO_F_VERSION_1 } from '../../../src/abi/virtio.ts';
import {
  VIRTIO_NET_CTRL_MAC,
  VIRTIO_NET_CTRL_MAC_ADDR_SET,
  VIRTIO_NET_CTRL_MQ,
  VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET,
  VIRTIO_NET_ERR,
  VIRTIO_NET_F_CSUM,
  VIRTIO_NET_F_CTRL_MAC_ADDR,
  VIRTIO_NET_F_CTRL_VQ,
  VIRTIO_NET_F_MAC,
  VIRTIO_NET_F_MQ,
  VIRTIO_NET_F_STATUS,
  VIRTIO_NET_OK,
  virtio_net_config,
} from '../../../src/abi/virtio-net.ts';
import { unpack } from '../../../src/base/layout.ts';
import { EventFd } from '../../../src/host/eventfd.ts';
import type { CreatedDevice } from '../../../src/io/protocol.ts';
import { VHOST_USER_PROTOCOL_F_MQ } from '../../../src/vhost-user/protocol-features.ts';
import { features } from '../../../src/virtio/features.ts';
import { DriverQueue } from '../../support/driver.ts';
import { GuestRam } from '../../support/guest-ram.ts';
import { OFFERED, PROTOCOL_OFFERED } from '../../support/scripted-back-end.ts';
import { ServedRig } from '../../support/served-rig.ts';
import { openFdCount, RAM_BASE } from '../../support/session-rig.ts';

const MANY = features(VIRTIO_F_VERSION_1, VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_MQ);
const FEW = features(VIRTIO_F_VERSION_1, VIRTIO_NET_F_CTRL_VQ);
const CARD = '{ type: net, queues: 3, backend: PATH }';
const CONTROL = 6;

let fdCount: number;
let rig: ServedRig;
let created: CreatedDevice;
let queues: DriverQueue[];
beforeEach(() => {
  fdCount = openFdCount();
  rig = new ServedRig();
});
afterEach(() => {
  rig[Symbol.dispose]();
  expect(openFdCount()).toBe(fdCount);
});

function create(offered = OFFERED): void {
  rig.listen({ GET_FEATURES: () => offered });
  rig.create(CARD);
  created = (rig.heard('created') as unknown as { created: CreatedDevice }).created;
}

/** The driver sets up `count` queues, and is ready once the back-end has heard all of it. */
function activate(driver: bigint, count: number): void {
  const ram = new GuestRam({ base: RAM_BASE, buffer: rig.ram.buffer, pointer: rig.ram.pointer });
  queues = Array.from({ length: count }, () => new DriverQueue(ram, 8));
  const setups = queues.map(({ places }, index) => ({ index, ...places }));
  rig.device!.activate(setups, driver, 1);
  rig.until(() => enables().length >= 2, 'the rings');
}

/** What the back-end was told of rings that run: "1 on". */
function enables(): string[] {
  return rig.backEnd.requests.flatMap((request) =>
    request.name === 'SET_VRING_ENABLE' ? [`${request.body.index} ${request.body.num === 1 ? 'on' : 'off'}`] : [],
  );
}

/** A command; its answer comes later. */
function give(queue: number, ...command: number[]): () => number | undefined {
  const buffer = queues[queue]!.add({ readable: [Uint8Array.from(command)], writable: [1] });
  queues[queue]!.kick();
  new EventFd(created.wires.kicks[queue]!).signal();
  return () => (queues[queue]!.take() === undefined ? undefined : buffer.writable()[0]);
}

function answerTo(queue: number, ...command: number[]): number {
  const look = give(queue, ...command);
  let answer: number | undefined;
  rig.until(() => {
    answer ??= look();
    return answer !== undefined;
  }, 'an answer');
  return answer!;
}

const setPairs = (count: number) => [VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, count, 0];

test('what the driver is offered: a control queue for the pairs, and nothing else of it', () => {
  create(OFFERED | features(VIRTIO_NET_F_CSUM, VIRTIO_NET_F_CTRL_MAC_ADDR));
  const own = features(
    ...[VIRTIO_NET_F_CSUM, VIRTIO_NET_F_MAC, VIRTIO_NET_F_STATUS, VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_MQ],
  );
  expect(created.features & 0xffffffn).toBe(own);
  expect(created.queueSizes).toEqual([256, 256, 256, 256, 256, 256, 64]);
  const config = new Uint8Array(virtio_net_config.size);
  config.set(created.config);
  expect(unpack(virtio_net_config, config)).toMatchObject({ max_virtqueue_pairs: 3 });
});

test('all pairs are set up and the first one runs; others run when the driver says so, and are kicked then', () => {
  create();
  activate(MANY, 7);
  expect(rig.backEnd.requests.filter(({ name }) => name === 'SET_VRING_KICK')).toHaveLength(6);
  expect(enables()).toEqual(['0 on', '1 on']);
  const kicks = () => [0, 1, 2, 3, 4, 5].map((ring) => kickOf(ring).take());
  rig.until(() => kickOf(1).take() === 1n, 'the first kicks');
  expect(kicks()).toEqual([1n, 0n, 0n, 0n, 0n, 0n]);

  expect(answerTo(CONTROL, ...setPairs(2))).toBe(VIRTIO_NET_OK);
  expect(enables().slice(2)).toEqual(['4 off', '5 off', '0 on', '1 on', '2 on', '3 on']);
  expect(kicks().slice(2)).toEqual([1n, 1n, 0n, 0n]);
  expect(rig.irq.take()).toBeGreaterThan(0n);

  expect(answerTo(CONTROL, ...setPairs(1))).toBe(VIRTIO_NET_OK);
  expect(enables().slice(8, 12)).toEqual(['2 off', '3 off', '4 off', '5 off']);
  expect(rig.reports.map(({ kind }) => kind)).toEqual(['created']);
});

function kickOf(ring: number): EventFd {
  return new EventFd(rig.backEnd.fds.get(`SET_VRING_KICK ${ring}`)!.number);
}

test('the answer comes once the back-end has done it, and not into a queue that was reset meanwhile', () => {
  let isSlow = false;
  rig.listen({ SET_VRING_ENABLE: () => (isSlow ? undefined : 0n) });
  rig.create(CARD);
  created = (rig.heard('created') as unknown as { created: CreatedDevice }).created;
  activate(MANY, 7);
  isSlow = true;
  const look = give(CONTROL, ...setPairs(3));
  rig.until(() => enables().length > 2, 'the command');
  expect(look()).toBeUndefined();
  rig.device!.reset(() => {});
  rig.backEnd[Symbol.dispose]();
  rig.until(() => rig.backEnds.length === 2, 'another one');
  expect(look()).toBeUndefined();
});

test.each([
  ['no pair', setPairs(0)],
  ['more than there are', setPairs(4)],
  ['half a command', setPairs(2).slice(0, 3)],
  ['a command that was not offered', [VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, 2, 0, 0, 0, 0, 9]],
  ['an unknown one', [99, 0]],
])('the driver asks for %s: it is refused, and the back-end hears nothing', (_, command) => {
  create();
  activate(MANY, 7);
  expect(answerTo(CONTROL, ...command)).toBe(VIRTIO_NET_ERR);
  expect(enables()).toEqual(['0 on', '1 on']);
});

test('a driver without VIRTIO_NET_F_MQ: the control queue follows the first pair', () => {
  create(OFFERED | features(VIRTIO_NET_F_CTRL_VQ));
  activate(FEW, 3);
  expect(rig.backEnd.fds.has('SET_VRING_KICK 2')).toBe(false);
  expect(answerTo(2, ...setPairs(1))).toBe(VIRTIO_NET_ERR);
});

test('the back-end does not hear of the control queue, even if it offers one', () => {
  create(OFFERED | features(VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_MQ));
  activate(MANY, 7);
  const [accepted] = rig.backEnd.requests.filter(({ name }) => name === 'SET_FEATURES');
  expect((accepted!.body as bigint) & 0xffffffn).toBe(features(VIRTIO_NET_F_MQ));
});

test('a lost back-end: the next one runs as many pairs, and commands are heard meanwhile', () => {
  create();
  activate(MANY, 7);
  answerTo(CONTROL, ...setPairs(3));
  rig.backEnd[Symbol.dispose]();
  rig.until(() => rig.backEnds.length === 2 && enables().length === 6, 'another one');
  expect(enables()).toEqual(['0 on', '1 on', '2 on', '3 on', '4 on', '5 on']);
  // The eventfds are others now.
  const rewired = rig.heard('rewire') as unknown as Pick<CreatedDevice, 'wires'>;
  created = { ...created, wires: rewired.wires };
  expect(answerTo(CONTROL, ...setPairs(1))).toBe(VIRTIO_NET_OK);
});

test('a driver that breaks the control queue: the device needs a reset, and all its rings are stopped', () => {
  create();
  activate(MANY, 7);
  queues[CONTROL]!.addSegments([{ address: 1, length: 8, writable: false }]);
  queues[CONTROL]!.kick();
  new EventFd(created.wires.kicks[CONTROL]!).signal();
  expect(rig.heard('faulted')).toMatchObject({ reason: expect.stringContaining('which are not guest memory') });
  rig.until(() => rig.backEnd.heard.includes('RESET_DEVICE'), 'the end of the rings');
  rig.reset();
  activate(MANY, 7);
});

test.each([
  ['one pair', { GET_QUEUE_NUM: () => 2n }, 'it has 2 queues, and the device has 6'],
  [
    'no word for it',
    { GET_PROTOCOL_FEATURES: () => PROTOCOL_OFFERED & ~features(VHOST_USER_PROTOCOL_F_MQ) },
    'it cannot have more queues than any has (VHOST_USER_PROTOCOL_F_MQ), and the device has 6',
  ],
])('a back-end with %s cannot serve it', (_, script, why) => {
  rig.listen(script);
  rig.create(CARD);
  expect(rig.heard('refused')).toMatchObject({ error: { message: expect.stringContaining(why) } });
});

test('a back-end that counts pairs', () => {
  rig.listen({ GET_QUEUE_NUM: () => 3n });
  rig.create(CARD);
  rig.heard('created');
});
