import { describe, expect, test } from 'vitest';
import { BACK_END, decodeHeader, FRONT_END, HEADER_BYTES } from '../../../src/vhost-user/message.ts';
import { PeerFault } from '../../../src/vhost-user/peer-fault.ts';
import { BACK_END_REQUESTS, FRONT_END_REQUESTS } from '../../../src/vhost-user/requests.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const bytes = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));

/** Header and payload of a message as its receiver has them. */
function parts(message: Uint8Array) {
  return [decodeHeader(message.subarray(0, HEADER_BYTES)), message.subarray(HEADER_BYTES)] as const;
}

const region = {
  guest_address: 0x4000_0000n,
  size: 0x2000_0000n,
  user_address: 0x7f00_0000_1000n,
  mmap_offset: 0x1000n,
};
const REGION = '0000004000000000 0000002000000000 00100000007f0000 0010000000000000';
const uuid = Uint8Array.from({ length: 16 }, (_, index) => index);
const UUID = '000102030405060708090a0b0c0d0e0f';
const inflight = { mmap_size: 0x4000n, mmap_offset: 0x40n, num_queues: 2, queue_size: 128 };
const INFLIGHT = '0040000000000000 4000000000000000 0200 8000 00000000';
const iotlb = { iova: 1n, size: 2n, uaddr: 3n, perm: 3, type: 2 };
const IOTLB = '0100000000000000 0200000000000000 0300000000000000 03 02 000000000000';

describe('requests of the front-end, byte for byte', () => {
  const encode = FRONT_END.encodeRequest.bind(FRONT_END) as (name: string, body: unknown) => Uint8Array;
  test.each([
    ['GET_FEATURES', undefined, 0, '01000000 01000000 00000000'],
    ['SET_FEATURES', 0x1_4000_0001n, 0, '02000000 01000000 08000000 0100004001000000'],
    ['SET_MEM_TABLE', [region], 1, `05000000 01000000 28000000 01000000 00000000 ${REGION}`],
    ['SET_LOG_BASE', { size: 0x1000n, offset: 2n }, 1, '06000000 01000000 10000000 0010000000000000 0200000000000000'],
    ['SET_VRING_NUM', { index: 1, num: 256 }, 0, '08000000 01000000 08000000 01000000 00010000'],
    [
      'SET_VRING_ADDR',
      {
        ...{ index: 2, flags: 1, desc_user_addr: 0x1000n, used_user_addr: 0x2000n },
        ...{ avail_user_addr: 0x3000n, log_guest_addr: 0x4000n },
      },
      0,
      '09000000 01000000 28000000 02000000 01000000 0010000000000000 0020000000000000 0030000000000000 0040000000000000',
    ],
    ['SET_VRING_KICK', { index: 3, hasFd: true }, 1, '0c000000 01000000 08000000 0300000000000000'],
    ['SET_VRING_CALL', { index: 3, hasFd: false }, 0, '0d000000 01000000 08000000 0301000000000000'],
    ['IOTLB_MSG', iotlb, 0, `16000000 01000000 20000000 ${IOTLB}`],
    [
      'GET_CONFIG',
      { offset: 0, flags: 0, bytes: new Uint8Array(4) },
      0,
      '18000000 01000000 10000000 00000000 04000000 00000000 00000000',
    ],
    [
      'SET_CONFIG',
      { offset: 32, flags: 1, bytes: Uint8Array.of(7) },
      0,
      '19000000 01000000 0d000000 20000000 01000000 01000000 07',
    ],
    ['GET_INFLIGHT_FD', inflight, 0, `1f000000 01000000 18000000 ${INFLIGHT}`],
    ['ADD_MEM_REG', region, 1, `25000000 01000000 28000000 0000000000000000 ${REGION}`],
    ['SET_STATUS', 0xfn, 0, '27000000 01000000 08000000 0f00000000000000'],
    ['GET_SHARED_OBJECT', uuid, 0, `29000000 01000000 10000000 ${UUID}`],
    ['SET_DEVICE_STATE_FD', { direction: 1, phase: 0 }, 1, '2a000000 01000000 08000000 01000000 00000000'],
  ])('%s', (name, body, fdCount, golden) => {
    const message = encode(name, body);
    expect(hex(message)).toBe(golden.replaceAll(' ', ''));
    expect(FRONT_END.decodeRequest(...parts(message), fdCount)).toEqual({ name, body });
  });
});

describe('requests of the back-end, byte for byte', () => {
  const encode = BACK_END.encodeRequest.bind(BACK_END) as (name: string, body: unknown) => Uint8Array;
  test.each([
    ['CONFIG_CHANGE_MSG', undefined, 0, '02000000 01000000 00000000'],
    [
      'VRING_HOST_NOTIFIER_MSG',
      { index: 1, hasFd: true, size: 0x1000n, offset: 0x2000n },
      1,
      '03000000 01000000 18000000 0100000000000000 0010000000000000 0020000000000000',
    ],
    ['SHARED_OBJECT_LOOKUP', uuid, 0, `08000000 01000000 10000000 ${UUID}`],
    [
      'SHMEM_MAP',
      { shmid: 1, fd_offset: 2n, shm_offset: 3n, len: 4n, flags: 1n },
      1,
      '09000000 01000000 28000000 01 00000000000000 0200000000000000 0300000000000000 0400000000000000 0100000000000000',
    ],
  ])('%s', (name, body, fdCount, golden) => {
    const message = encode(name, body);
    expect(hex(message)).toBe(golden.replaceAll(' ', ''));
    expect(BACK_END.decodeRequest(...parts(message), fdCount)).toEqual({ name, body });
  });
});

describe('replies, byte for byte', () => {
  const encode = FRONT_END.encodeReply.bind(FRONT_END) as (name: string, body: unknown) => Uint8Array;
  test.each([
    ['GET_FEATURES', 1n, 0, '01000000 05000000 08000000 0100000000000000'],
    ['GET_VRING_BASE', { index: 1, num: 0x8000 }, 0, '0b000000 05000000 08000000 01000000 00800000'],
    [
      'GET_CONFIG',
      { offset: 0, flags: 0, bytes: Uint8Array.of(1, 2) },
      0,
      '18000000 05000000 0e000000 00000000 02000000 00000000 0102',
    ],
    ['GET_INFLIGHT_FD', inflight, 1, `1f000000 05000000 18000000 ${INFLIGHT}`],
    ['SET_DEVICE_STATE_FD', { error: 0, hasFd: false }, 0, '2a000000 05000000 08000000 0001000000000000'],
    [
      'GET_SHMEM_CONFIG',
      [0x1000n, ...Array(255).fill(0n)],
      0,
      `2c000000 05000000 08080000 01000000 00000000 0010000000000000 ${'00'.repeat(255 * 8)}`,
    ],
  ])('%s', (name, body, fdCount, golden) => {
    const message = encode(name, body);
    expect(hex(message)).toBe(golden.replaceAll(' ', ''));
    expect(FRONT_END.decodeReply(name as 'GET_FEATURES', ...parts(message), fdCount)).toEqual(body);
  });

  test('a status', () => {
    const message = FRONT_END.encodeAck(FRONT_END_REQUESTS.SET_VRING_ADDR.id, 1n);
    expect(hex(message)).toBe('09000000050000000800000001000000'.concat('00000000'));
    expect(FRONT_END.decodeAck('SET_VRING_ADDR', ...parts(message), 0)).toBe(1n);
  });

  test.each([
    ['no byte at all', ''],
    ['a size of 0', '00000000 00000000 00000000'],
  ])('GET_CONFIG: %s says that there is no such part', (_, payload) => {
    const body = bytes(payload);
    const head = { request: 24, isReply: true, needsReply: false, size: body.length };
    expect(FRONT_END.decodeReply('GET_CONFIG', head, body, 0).bytes).toHaveLength(0);
  });

  test('GET_INFLIGHT_FD: C pads it, others may not', () => {
    const body = bytes(INFLIGHT).subarray(0, 20);
    const head = { request: 31, isReply: true, needsReply: false, size: 20 };
    expect(FRONT_END.decodeReply('GET_INFLIGHT_FD', head, body, 1)).toEqual(inflight);
  });
});

test('needsReply: the request says so', () => {
  const message = FRONT_END.encodeRequest('SET_OWNER', undefined, true);
  expect(hex(message)).toBe('030000000900000000000000');
  expect(parts(message)[0]).toEqual({ request: 3, isReply: false, needsReply: true, size: 0 });
});

test('decodeRequest: a number that nobody knows is undefined', () => {
  const head = { request: 999, isReply: false, needsReply: false, size: 3 };
  expect(BACK_END.decodeRequest(head, new Uint8Array(3), 0)).toBeUndefined();
});

test('numbers are those of the specification, each once', () => {
  const numbers = (table: Readonly<Record<string, { id: number }>>) => Object.values(table).map(({ id }) => id);
  expect(numbers(FRONT_END_REQUESTS)).toEqual(Array.from({ length: 45 }, (_, index) => index + 1));
  expect(numbers(BACK_END_REQUESTS)).toEqual(Array.from({ length: 10 }, (_, index) => index + 1));
});

describe('what breaks the protocol', () => {
  const head = { request: 1, isReply: true, needsReply: false, size: 8 };
  const u64 = new Uint8Array(8);
  test.each<[string, () => void, RegExp]>([
    ['another version', () => decodeHeader(bytes('01000000 06000000 08000000')), /flags 0x6.*version 1/],
    ['unknown flags', () => decodeHeader(bytes('01000000 15000000 08000000')), /flags 0x15/],
    ['a message of 4 GiB', () => decodeHeader(bytes('01000000 05000000 ffffffff')), /4294967295 bytes.*4096/],
    ['one byte too many', () => decodeHeader(bytes('01000000 05000000 01100000')), /4097 bytes/],
    [
      'the reply to another request',
      () => FRONT_END.decodeReply('GET_QUEUE_NUM', head, u64, 0),
      /reply to GET_FEATURES/,
    ],
    [
      'a request in place of a reply',
      () => FRONT_END.decodeReply('GET_FEATURES', { ...head, isReply: false }, u64, 0),
      /a request, GET_FEATURES/,
    ],
    [
      'a reply that wants a reply',
      () => FRONT_END.decodeReply('GET_FEATURES', { ...head, needsReply: true }, u64, 0),
      /GET_FEATURES/,
    ],
    [
      'a reply too short',
      () => FRONT_END.decodeReply('GET_FEATURES', head, u64.subarray(1), 0),
      /GET_FEATURES has 7 bytes, where a u64 of 8 belongs/,
    ],
    ['a descriptor too many', () => FRONT_END.decodeReply('GET_FEATURES', head, u64, 1), /with 1 file descriptors/],
    [
      'a descriptor too few',
      () => FRONT_END.decodeReply('GET_INFLIGHT_FD', { ...head, request: 31 }, bytes(INFLIGHT), 0),
      /with 0 file descriptors/,
    ],
    [
      'a status too long',
      () => FRONT_END.decodeAck('SET_OWNER', { ...head, request: 3 }, new Uint8Array(9), 0),
      /SET_OWNER has 9 bytes/,
    ],
    ['a reply on the channel of requests', () => BACK_END.decodeRequest(head, u64, 0), /was not asked for/],
    [
      'a table with a region too few',
      () => FRONT_END.decodeRequest({ ...head, request: 5, isReply: false }, bytes(`02000000 00000000 ${REGION}`), 1),
      /table of 2 regions has 72 bytes, not 40/,
    ],
    [
      'a config space that lies about its size',
      () => FRONT_END.decodeReply('GET_CONFIG', { ...head, request: 24 }, bytes('00000000 ff000000 00000000 01'), 0),
      /access of 255 bytes carries 1/,
    ],
    [
      'a config space cut short',
      () => FRONT_END.decodeReply('GET_CONFIG', { ...head, request: 24 }, bytes('00000000'), 0),
      /12 bytes at least, not 4/,
    ],
    [
      'a vring beyond all vrings',
      () => FRONT_END.decodeRequest({ ...head, request: 12, isReply: false }, bytes('00020000 00000000'), 0),
      /0x200 is no index/,
    ],
    [
      'more shared memory than there is',
      () => FRONT_END.decodeReply('GET_SHMEM_CONFIG', { ...head, request: 44 }, bytes(`ff${'00'.repeat(2055)}`), 0),
      /counts 255 regions of shared memory and has 0/,
    ],
  ])('%s', (_, decode, message) => {
    expect(decode).toThrow(PeerFault);
    expect(decode).toThrow(message);
  });

  test('random bytes decode, or are a PeerFault', () => {
    let state = 1;
    const random = () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state >>> 16;
    };
    for (let round = 0; round < 5000; round++) {
      const body = Uint8Array.from({ length: random() % 80 }, () => (random() % 4 ? 0 : random()));
      const protocol = round % 2 ? FRONT_END : BACK_END;
      const head = { request: random() % 48, isReply: false, needsReply: false, size: body.length };
      try {
        protocol.decodeRequest(head, body, random() % 2);
      } catch (error) {
        expect(error).toBeInstanceOf(PeerFault);
      }
    }
  });
});
