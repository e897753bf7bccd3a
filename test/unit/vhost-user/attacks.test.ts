/**
 * What a back-end may do to harm us, by the numbers of the list that we keep of it (B1 … B33): after each the connection is
 * closed with one sentence, and no file descriptor is left. Attacks on messages that are not negotiated are refused as such.
 */
import { writeSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  F_SETFL,
  MAP_SHARED,
  O_PATH,
  O_RDONLY,
  O_RDWR,
  PROT_EXEC,
  PROT_READ,
  PROT_WRITE,
} from '../../../src/abi/libc.ts';
import { VIRTIO_F_VERSION_1 } from '../../../src/abi/virtio.ts';
import { KiB } from '../../../src/base/units.ts';
import { EventFd } from '../../../src/host/eventfd.ts';
import { Fd } from '../../../src/host/fd.ts';
import * as libc from '../../../src/host/libc.ts';
import { createMemfd } from '../../../src/host/mapping.ts';
import { UnixSocket } from '../../../src/host/unix-socket.ts';
import { BACK_END, FRONT_END } from '../../../src/vhost-user/message.ts';
import {
  VHOST_USER_PROTOCOL_F_DEVICE_STATE,
  VHOST_USER_PROTOCOL_F_HOST_NOTIFIER,
  VHOST_USER_PROTOCOL_F_INBAND_NOTIFICATIONS,
  VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD,
  VHOST_USER_PROTOCOL_F_LOG_SHMFD,
  VHOST_USER_PROTOCOL_F_SHARED_OBJECT,
  VHOST_USER_PROTOCOL_F_STATUS,
} from '../../../src/vhost-user/protocol-features.ts';
import type { FRONT_END_REQUESTS } from '../../../src/vhost-user/requests.ts';
import { features, hasFeature } from '../../../src/virtio/features.ts';
import { OFFERED, PROTOCOL_OFFERED, type Script, type ScriptedBackEnd } from '../../support/scripted-back-end.ts';
import { openFdCount, RAM_SIZE, SessionRig } from '../../support/session-rig.ts';

type Name = keyof typeof FRONT_END_REQUESTS;
const DRIVER = features(VIRTIO_F_VERSION_1);
const INFLIGHT_BIT = features(VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD);
const STATUS = features(VHOST_USER_PROTOCOL_F_STATUS);
const SHORT_MS = 30;

let fdCount: number;
beforeEach(() => {
  fdCount = openFdCount();
});
afterEach(() => expect(openFdCount()).toBe(fdCount));

const words = (...values: number[]) => new Uint8Array(Uint32Array.from(values).buffer);
/** Sends `bytes` in place of an answer. */
const raw = (bytes: Uint8Array, fds: () => readonly Fd[] = () => []) =>
  ((_, backEnd: ScriptedBackEnd) => {
    const extra = fds();
    backEnd.send(bytes, extra);
    for (const fd of extra) fd[Symbol.dispose]();
    return undefined;
  }) satisfies Script[Name];
const files = (count: number) => () => Array.from({ length: count }, () => Fd.open('/dev/null', O_RDWR));

/** A whole life with the back-end: probe, start, stop. What ended it, if anything did. */
function live(script: Script, timeoutMs?: number): string | undefined {
  using rig = new SessionRig(script, timeoutMs === undefined ? {} : { timeoutMs });
  rig.probe();
  if (!rig.fault) rig.start(DRIVER);
  if (!rig.fault) rig.stop();
  return rig.fault?.message;
}

test('none of this happens with a good one', () => expect(live({})).toBeUndefined());

describe('an answer that is none', () => {
  const features = FRONT_END.encodeReply('GET_FEATURES', OFFERED);
  const changed = (offset: number, value: number) => {
    const bytes = features.slice();
    new DataView(bytes.buffer).setUint32(offset, value, true);
    return bytes;
  };
  test.each<[string, Uint8Array, RegExp]>([
    ['B1 to another request', changed(0, 15), /reply to GET_PROTOCOL_FEATURES.*GET_FEATURES has to come/],
    ['B1 to a request that does not exist', changed(0, 99), /reply to request 99/],
    ['B1 that is a request', changed(4, 0x1), /a request, GET_FEATURES/],
    ['B1 of another version', changed(4, 0x6), /flags 0x6/],
    ['B1 that wants an answer', changed(4, 0xd), /a reply to GET_FEATURES/],
    ['B2 of no size', words(1, 5, 0), /GET_FEATURES has 0 bytes/],
    ['B2 too short', words(1, 5, 4, 0), /GET_FEATURES has 4 bytes/],
    ['B2 too long', words(1, 5, 12, 0, 0, 0), /GET_FEATURES has 12 bytes/],
    ['B2 of 4 GiB', words(1, 5, 0xffff_ffff), /4294967295 bytes/],
    ['B2 of a page and a byte', words(1, 5, 4 * KiB + 1), /4097 bytes/],
  ])('%s', (_, bytes, message) => {
    expect(live({ GET_FEATURES: raw(bytes) })).toMatch(message);
  });

  test.each([
    ['B3 of which half a header comes', features.subarray(0, 5)],
    ['B3 of which half a payload comes', features.subarray(0, 15)],
    ['B3 that never comes', undefined],
  ])('%s', (_, bytes) => {
    const answer = bytes ? raw(bytes) : () => undefined;
    expect(live({ GET_FEATURES: answer }, SHORT_MS)).toBe('it does not answer GET_FEATURES within 0.03 s');
  });

  test('B4 never, when its rings are to stop', () => {
    expect(live({ GET_VRING_BASE: () => undefined }, 200)).toBe('it does not answer GET_VRING_BASE within 0.2 s');
  });

  test('B4 about another ring than the one that was to stop', () => {
    expect(live({ GET_VRING_BASE: () => ({ index: 77, num: 0 }) })).toBe('it stops ring 77 where ring 0 was meant');
  });

  test('B33 too late: nothing is heard of it any more', () => {
    using rig = new SessionRig({ GET_FEATURES: () => undefined }, { timeoutMs: SHORT_MS });
    rig.probe();
    expect(() => rig.backEnd.send(features)).toThrow('Cannot send');
  });
});

describe('an end', () => {
  const sequence: Name[] = [
    ...(['SET_OWNER', 'GET_FEATURES', 'GET_PROTOCOL_FEATURES', 'SET_PROTOCOL_FEATURES', 'SET_BACKEND_REQ_FD'] as const),
    ...(['GET_QUEUE_NUM', 'GET_MAX_MEM_SLOTS', 'GET_CONFIG', 'SET_FEATURES', 'ADD_MEM_REG', 'SET_VRING_NUM'] as const),
    ...(['SET_VRING_ADDR', 'SET_VRING_BASE', 'SET_VRING_CALL', 'SET_VRING_KICK', 'SET_VRING_ENABLE'] as const),
    ...(['GET_VRING_BASE', 'RESET_DEVICE'] as const),
  ];
  test.each(sequence)('B5 at %s', (name) => {
    const fault = live({ [name]: (_: unknown, backEnd: ScriptedBackEnd) => backEnd[Symbol.dispose]() });
    expect(fault).toMatch(/closed the connection|Connection reset|ECONNRESET|The other end is closed/);
  });

  test('B5 in the middle of an answer', () => {
    const half = FRONT_END.encodeReply('GET_FEATURES', OFFERED).subarray(0, 14);
    const answer = (_: unknown, backEnd: ScriptedBackEnd) => {
      backEnd.send(half);
      backEnd[Symbol.dispose]();
    };
    expect(live({ GET_FEATURES: answer })).toBe('it has closed the connection');
  });

  test('B30 between two requests: no signal, no exception', () => {
    using rig = new SessionRig();
    rig.probe();
    rig.backEnd[Symbol.dispose]();
    rig.start(DRIVER);
    expect(rig.fault).toBeDefined();
  });
});

describe('file descriptors that nobody asked for', () => {
  const reply = FRONT_END.encodeReply('GET_FEATURES', OFFERED);
  test('B6 one, with an answer that has none', () => {
    expect(live({ GET_FEATURES: raw(reply, files(1)) })).toBe(
      'the reply to GET_FEATURES comes with 1 file descriptors, which is wrong',
    );
  });

  test('B6 too many to take', () => {
    expect(live({ GET_FEATURES: raw(reply, files(20)) })).toContain('more file descriptors than the 1 expected');
  });

  test('B6 in the middle of an answer', () => {
    const answer = (_: unknown, backEnd: ScriptedBackEnd) => {
      backEnd.send(reply.subarray(0, 12));
      const [fd] = files(1)();
      backEnd.send(reply.subarray(12), [fd!]);
      fd![Symbol.dispose]();
      return undefined;
    };
    expect(live({ GET_FEATURES: answer })).toContain('more file descriptors than the 0 expected');
  });

  test('B6 with half a message, and then nothing', () => {
    expect(live({ GET_FEATURES: raw(reply.subarray(0, 3), files(1)) }, SHORT_MS)).toContain('within 0.03 s');
  });
});

describe('lies about itself', () => {
  test.each<[string, Script, string]>([
    ['B8 no queues', { GET_QUEUE_NUM: () => 0n }, 'it has 0 queues, and the device has 2'],
    ['B8 a queue too few', { GET_QUEUE_NUM: () => 1n }, 'it has 1 queues'],
    ['B9 no VERSION_1', { GET_FEATURES: () => 1n << 30n }, 'only the legacy interface'],
    ['B10 a config space of its own size', { GET_CONFIG: () => configOf(0, 4) }, 'gives 4 bytes of config space at 0'],
    ['B10 another part of it', { GET_CONFIG: () => configOf(8, 8) }, 'gives 8 bytes of config space at 8'],
    ['B10 none', { GET_CONFIG: () => configOf(0, 0) }, 'gives 0 bytes'],
    ['no room for memory', { GET_MAX_MEM_SLOTS: () => 0n }, 'maps 0 regions'],
    ['a refusal', { SET_VRING_ADDR: () => 1n }, 'it refuses SET_VRING_ADDR (status 1)'],
  ])('%s', (_, script, message) => {
    expect(live(script)).toContain(message);
  });

  test('B8 as many queues as there are numbers is no harm', () => {
    expect(live({ GET_QUEUE_NUM: () => 1n << 63n })).toBeUndefined();
  });
});

describe('memory for requests in hand', () => {
  const INFLIGHT = { GET_PROTOCOL_FEATURES: () => PROTOCOL_OFFERED | features(VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD) };
  const liveWith = (size: number, mmap_size: bigint, mmap_offset: bigint) => {
    using fd = createMemfd('inflight', size);
    const reply = { mmap_size, mmap_offset, num_queues: 2, queue_size: 8 };
    return live({ ...INFLIGHT, GET_INFLIGHT_FD: () => ({ reply, fd }) });
  };
  test('is taken and given', () => expect(liveWith(4 * KiB, 4096n, 0n)).toBeUndefined());
  test.each([
    ['B24 none', 0n, 0n],
    ['B24 of 2^60 bytes', 2n ** 60n, 0n],
    ['B24 beyond the end of its file', 4096n, 1n],
    ['B24 at an offset that wraps', 4096n, 2n ** 64n - 4096n],
  ])('%s', (_, size, offset) => {
    expect(liveWith(4 * KiB, size, offset)).toBe(`its memory for requests in hand is none: ${size} bytes at ${offset}`);
  });
  test.each<[string, () => Fd]>([
    ['a folder', () => Fd.open('/', O_RDONLY)],
    ['a device', () => Fd.open('/dev/zero', O_RDWR)],
    ['only a name (O_PATH)', () => Fd.open('/', O_PATH)],
    ['an eventfd', () => EventFd.create()],
    ['a socket', aSocket],
  ])('B7 that is %s', (_, open) => {
    using fd = open();
    const reply = { mmap_size: 4096n, mmap_offset: 0n, num_queues: 2, queue_size: 8 };
    expect(live({ ...INFLIGHT, GET_INFLIGHT_FD: () => ({ reply, fd }) })).toBe(
      'its memory for requests in hand is none: the descriptor is no file',
    );
  });
  test('B24 without a descriptor', () => {
    const reply = { mmap_size: 4096n, mmap_offset: 0n, num_queues: 2, queue_size: 8 };
    expect(live({ ...INFLIGHT, GET_INFLIGHT_FD: () => reply })).toContain('with 0 file descriptors');
  });
});

describe('offers that are not taken up, so that nothing of them can be used against us', () => {
  test.each([
    ['B17 interrupts as messages (INBAND_NOTIFICATIONS)', VHOST_USER_PROTOCOL_F_INBAND_NOTIFICATIONS],
    ['B17 doorbells (HOST_NOTIFIER)', VHOST_USER_PROTOCOL_F_HOST_NOTIFIER],
    ['B23 the state of a device (DEVICE_STATE)', VHOST_USER_PROTOCOL_F_DEVICE_STATE],
    ['B25 a log of changed pages (LOG_SHMFD)', VHOST_USER_PROTOCOL_F_LOG_SHMFD],
    ['B27 objects of several devices (SHARED_OBJECT)', VHOST_USER_PROTOCOL_F_SHARED_OBJECT],
  ])('%s', (_, feature) => {
    using rig = new SessionRig({ GET_PROTOCOL_FEATURES: () => 2n ** 64n - 1n });
    rig.probe();
    const accepted = rig.backEnd.requests.find(({ name }) => name === 'SET_PROTOCOL_FEATURES')!.body as bigint;
    expect(hasFeature(accepted, feature)).toBe(false);
  });

  test('B16 more regions of shared memory than there can be are no answer', () => {
    const bytes = new Uint8Array(8 + 8 * 256);
    new DataView(bytes.buffer).setUint32(0, 257, true);
    const header = { request: 44, isReply: true, needsReply: false, size: bytes.length };
    expect(() => FRONT_END.decodeReply('GET_SHMEM_CONFIG', header, bytes, 0)).toThrow('counts 257 regions');
  });

  test('B28 no display: a whole life has no GPU_SET_SOCKET in it', () => {
    using rig = new SessionRig({ GET_PROTOCOL_FEATURES: () => (2n ** 64n - 1n) & ~INFLIGHT_BIT });
    rig.probe();
    rig.start(DRIVER);
    rig.stop();
    expect(rig.fault).toBeUndefined();
    expect(rig.backEnd.heard).not.toContain('GPU_SET_SOCKET');
  });
});

describe('speaking without being asked', () => {
  test.each([
    ['B12 an answer', FRONT_END.encodeReply('GET_FEATURES', 0n), /sends GET_FEATURES without being asked/],
    ['B12 noise', new Uint8Array(12).fill(0xee), /flags 0xeeeeeeee/],
  ])('%s', (_, bytes, message) => {
    using rig = new SessionRig();
    rig.probe();
    rig.backEnd.send(bytes);
    rig.until(() => rig.fault !== undefined, 'the end');
    expect(rig.fault!.message).toMatch(message);
  });

  test('B13 a flood on its own channel: one in a turn, and everything else goes on', () => {
    using rig = new SessionRig();
    rig.probe();
    const message = BACK_END.encodeRequest('VRING_CALL', { index: 0, num: 0 });
    for (let count = 0; count < 200; count++) rig.backEnd.channel!.send(message);
    rig.start(DRIVER);
    rig.stop();
    expect(rig.fault).toBeUndefined();
  });

  test.each([
    ['B14 SHMEM_MAP', BACK_END.encodeRequest('SHMEM_MAP', mapping(), true), 1],
    ['B15 SHMEM_UNMAP', BACK_END.encodeRequest('SHMEM_UNMAP', mapping(), true), 0],
    [
      'B17 VRING_HOST_NOTIFIER_MSG',
      BACK_END.encodeRequest('VRING_HOST_NOTIFIER_MSG', { index: 0, hasFd: true, size: 0n, offset: 0n }, true),
      1,
    ],
    ['B17 VRING_CALL', BACK_END.encodeRequest('VRING_CALL', { index: 0, num: 0 }, true), 0],
    ['B27 SHARED_OBJECT_ADD', BACK_END.encodeRequest('SHARED_OBJECT_ADD', new Uint8Array(16), true), 0],
    ['B27 SHARED_OBJECT_REMOVE', BACK_END.encodeRequest('SHARED_OBJECT_REMOVE', new Uint8Array(16), true), 0],
    ['B27 SHARED_OBJECT_LOOKUP', BACK_END.encodeRequest('SHARED_OBJECT_LOOKUP', new Uint8Array(16), true), 0],
    ['B17 a request that does not exist', words(11, 9, 0), 0],
  ])('%s, which was not negotiated, is refused', (_, bytes, count) => {
    using rig = new SessionRig();
    rig.probe();
    const before = openFdCount();
    const extra = files(count)();
    rig.backEnd.channel!.send(bytes, extra);
    for (const fd of extra) fd[Symbol.dispose]();
    rig.until(() => openFdCount() === before, 'its descriptors to be closed');
    let answer: Uint8Array | undefined;
    rig.until(() => {
      answer ??= rig.backEnd.channel!.receive(20, 0)?.bytes;
      return answer !== undefined;
    }, 'the answer');
    expect(answer).toEqual(BACK_END.encodeAck(new DataView(bytes.buffer).getUint32(0, true), 1n));
    expect(rig.fault).toBeUndefined();
  });

  test('B22 its config space changes without end: it is read again, and one change waits at most', () => {
    using rig = new SessionRig();
    rig.probe();
    const message = BACK_END.encodeRequest('CONFIG_CHANGE_MSG', undefined);
    for (let count = 0; count < 200; count++) rig.backEnd.channel!.send(message);
    rig.start(DRIVER);
    rig.stop();
    const reads = rig.backEnd.heard.filter((name) => name === 'GET_CONFIG').length;
    const others = rig.backEnd.heard.length - reads;
    // Between two other conversations (probe, start, stop) there is room for one.
    expect(reads).toBeLessThan(others);
    expect(rig.fault).toBeUndefined();
  });

  test('B17 noise on its own channel ends all', () => {
    using rig = new SessionRig();
    rig.probe();
    rig.backEnd.channel!.send(new Uint8Array(12).fill(0xee));
    rig.until(() => rig.fault !== undefined, 'the end');
    expect(rig.fault!.message).toContain('flags 0xeeeeeeee');
  });
});

describe('what it was given, used against us', () => {
  const full = new Uint8Array(BigUint64Array.of(2n ** 64n - 2n).buffer);

  test('B20, B21 a kick that is full, and waits for room: we do not', () => {
    const fill: Script[Name] = (_, backEnd) => {
      const { number } = backEnd.fds.get('SET_VRING_KICK 1')!;
      libc.fcntl(number, F_SETFL, 0);
      writeSync(number, full);
      return 0n;
    };
    using rig = new SessionRig({ SET_STATUS: fill, GET_PROTOCOL_FEATURES: () => PROTOCOL_OFFERED | STATUS });
    rig.probe();
    rig.start(DRIVER);
    expect(rig.fault).toBeUndefined();
  });

  test('B31 guest memory cannot be cut short', () => {
    const results: number[] = [];
    const truncate: Script[Name] = (_, backEnd) => {
      const { number } = backEnd.fds.get('ADD_MEM_REG 0')!;
      results.push(libc.ftruncate(number, 0), libc.ftruncate(number, 2 * RAM_SIZE));
      return 0n;
    };
    expect(live({ ADD_MEM_REG: truncate })).toBeUndefined();
    expect(results).toEqual([-1, -1]);
  });

  // Nothing to be refused: what it maps executable is in its own process, and in ours guest memory is never that.
  test('B32 guest memory mapped to be written and executed: it may, and is served on', () => {
    let mapped = false;
    const mapExecutable: Script[Name] = (_, backEnd) => {
      const { number } = backEnd.fds.get('ADD_MEM_REG 0')!;
      const start = libc.mmap(0n, RAM_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_SHARED, number, 0);
      mapped = libc.munmap(start, RAM_SIZE) === 0;
      return 0n;
    };
    expect(live({ ADD_MEM_REG: mapExecutable })).toBeUndefined();
    expect(mapped).toBe(true);
  });
});

function configOf(offset: number, size: number) {
  return { offset, flags: 0, bytes: new Uint8Array(size) };
}

function mapping() {
  return { shmid: 0, fd_offset: 0n, shm_offset: 0n, len: 4096n, flags: 0n };
}

function aSocket(): Fd {
  const [one, other] = UnixSocket.pair();
  other[Symbol.dispose]();
  return one;
}
