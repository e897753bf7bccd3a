/** The front-end with a back-end that keeps the protocol: what it says, and in which order. */
import { expect, test } from 'vitest';
import { VIRTIO_F_ACCESS_PLATFORM, VIRTIO_F_VERSION_1, VIRTIO_RING_F_EVENT_IDX } from '../../../src/abi/virtio.ts';
import { EventFd } from '../../../src/host/eventfd.ts';
import { BACK_END } from '../../../src/vhost-user/message.ts';
import { VHOST_USER_F_PROTOCOL_FEATURES } from '../../../src/vhost-user/protocol-features.ts';
import { features } from '../../../src/virtio/features.ts';
import { OFFERED } from '../../support/scripted-back-end.ts';
import { openFdCount, RAM_BASE, RAM_SIZE, SessionRig } from '../../support/session-rig.ts';

const DRIVER = features(VIRTIO_F_VERSION_1, VIRTIO_RING_F_EVENT_IDX);
const PROTOCOL = features(VHOST_USER_F_PROTOCOL_FEATURES);

const bodyOf = (rig: SessionRig, name: string) => rig.backEnd.requests.filter((request) => request.name === name);

test('probe: what the back-end is, without accepting anything for the driver', () => {
  using rig = new SessionRig();
  expect(rig.probe()).toEqual({ features: OFFERED, config: new Uint8Array(8).fill(7), sharedMemory: [] });
  expect(rig.backEnd.heard).toEqual([
    ...['SET_OWNER', 'GET_FEATURES', 'GET_PROTOCOL_FEATURES', 'SET_PROTOCOL_FEATURES'],
    ...['SET_BACKEND_REQ_FD', 'GET_QUEUE_NUM', 'GET_MAX_MEM_SLOTS', 'GET_CONFIG'],
  ]);
});

test('start: features, memory, all sizes, then ring by ring, enabled last and kicked', () => {
  using rig = new SessionRig();
  rig.probe();
  rig.backEnd.heard.length = 0;
  rig.start(DRIVER);
  expect(rig.backEnd.heard).toEqual([
    ...['SET_FEATURES', 'ADD_MEM_REG', 'SET_VRING_NUM', 'SET_VRING_NUM'],
    ...['SET_VRING_ADDR', 'SET_VRING_BASE', 'SET_VRING_CALL', 'SET_VRING_KICK'],
    ...['SET_VRING_ADDR', 'SET_VRING_BASE', 'SET_VRING_CALL', 'SET_VRING_KICK'],
    ...['SET_VRING_ENABLE', 'SET_VRING_ENABLE'],
  ]);
  expect(bodyOf(rig, 'SET_FEATURES')[0]!.body).toBe(DRIVER | PROTOCOL);
  expect(bodyOf(rig, 'ADD_MEM_REG')[0]!.body).toEqual({
    ...{ guest_address: BigInt(RAM_BASE), user_address: BigInt(RAM_BASE), size: BigInt(RAM_SIZE), mmap_offset: 0n },
  });
  expect(bodyOf(rig, 'SET_VRING_ADDR')[1]!.body).toEqual({
    ...{ index: 1, flags: 0, log_guest_addr: 0n, desc_user_addr: BigInt(RAM_BASE + 0x3000) },
    ...{ avail_user_addr: BigInt(RAM_BASE + 0x1000), used_user_addr: BigInt(RAM_BASE + 0x2000) },
  });
  const kicks = [0, 1].map((index) => eventOf(rig, `SET_VRING_KICK ${index}`).take());
  expect(kicks).toEqual([1n, 1n]);
});

test('start: VIRTIO_F_ACCESS_PLATFORM is not for a back-end, even if it offers it', () => {
  const platform = features(VIRTIO_F_ACCESS_PLATFORM);
  using rig = new SessionRig({ GET_FEATURES: () => OFFERED | platform });
  rig.probe();
  rig.start(DRIVER | platform);
  expect(bodyOf(rig, 'SET_FEATURES')[0]!.body).toBe(DRIVER | PROTOCOL);
});

test('the call of the back-end arrives in the eventfd that it was given', () => {
  using rig = new SessionRig();
  rig.probe();
  rig.start(DRIVER);
  eventOf(rig, 'SET_VRING_CALL 1').signal();
  expect(rig.call.take()).toBe(1n);
});

test('stop and start again: each ring is stopped, the memory is not given twice', () => {
  using rig = new SessionRig();
  rig.probe();
  rig.start(DRIVER);
  rig.backEnd.heard.length = 0;
  rig.stop();
  expect(rig.backEnd.heard).toEqual([
    ...['SET_VRING_ENABLE', 'GET_VRING_BASE', 'SET_VRING_ENABLE', 'GET_VRING_BASE', 'RESET_DEVICE'],
  ]);
  rig.backEnd.heard.length = 0;
  rig.start(DRIVER);
  expect(rig.backEnd.heard).not.toContain('ADD_MEM_REG');
  expect(rig.backEnd.heard).not.toContain('SET_OWNER');
});

test('a back-end without any protocol feature: a table of memory, no acknowledgement, rings that start enabled', () => {
  using rig = new SessionRig({ GET_FEATURES: () => features(VIRTIO_F_VERSION_1) }, { configSize: 0 });
  const sharedMemory: [] = [];
  const facts = { features: DRIVER & features(VIRTIO_F_VERSION_1), config: new Uint8Array(), sharedMemory };
  expect(rig.probe()).toEqual(facts);
  rig.start(features(VIRTIO_F_VERSION_1));
  rig.until(() => rig.backEnd.heard.includes('SET_VRING_KICK'), 'the rings');
  expect(rig.backEnd.heard.slice(0, 4)).toEqual(['SET_OWNER', 'GET_FEATURES', 'SET_FEATURES', 'SET_MEM_TABLE']);
  expect(rig.backEnd.heard).not.toContain('SET_VRING_ENABLE');
  expect(bodyOf(rig, 'SET_FEATURES')[0]!.body).toBe(features(VIRTIO_F_VERSION_1));
});

test('writeConfig: flags 0, and what the config space is then', () => {
  using rig = new SessionRig();
  rig.probe();
  expect(rig.writeConfig(2, Uint8Array.of(9))).toEqual(Uint8Array.of(7, 7, 9, 7, 7, 7, 7, 7));
  expect(bodyOf(rig, 'SET_CONFIG')[0]!.body).toEqual({ offset: 2, flags: 0, bytes: Uint8Array.of(9) });
});

test('a config change is acknowledged and read, a storm of them a few times', () => {
  using rig = new SessionRig();
  rig.probe();
  rig.backEnd.config.fill(8);
  for (let count = 0; count < 50; count++) {
    rig.backEnd.channel!.send(BACK_END.encodeRequest('CONFIG_CHANGE_MSG', undefined, count === 0));
  }
  rig.until(() => rig.configs.length > 0, 'the new config space');
  expect(rig.configs[0]).toEqual(new Uint8Array(8).fill(8));
  expect(rig.backEnd.channel!.receiveExactly(20, 0).bytes).toEqual(BACK_END.encodeAck(2, 0n));
  expect(rig.fault).toBeUndefined();
});

test('everything is closed at the end', () => {
  const before = openFdCount();
  {
    using rig = new SessionRig();
    rig.probe();
    rig.start(DRIVER);
    rig.stop();
  }
  expect(openFdCount()).toBe(before);
});

/** An eventfd as the back-end has it. */
function eventOf(rig: SessionRig, request: string): EventFd {
  return new EventFd(rig.backEnd.fds.get(request)!.number);
}
