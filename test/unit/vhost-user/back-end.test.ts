/** The back-end with our own front-end, over a real socket with real memory and eventfds, and with front-ends that break the protocol. */
import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { VIRTIO_F_VERSION_1, VIRTIO_RING_F_EVENT_IDX } from '../../../src/abi/virtio.ts';
import {
  VIRTIO_BLK_T_IN,
  VIRTIO_BLK_T_OUT,
  virtio_blk_config,
  virtio_blk_outhdr,
} from '../../../src/abi/virtio-blk.ts';
import { pack } from '../../../src/base/layout.ts';
import { EventFd } from '../../../src/host/eventfd.ts';
import type { Fd } from '../../../src/host/fd.ts';
import { createMemfd } from '../../../src/host/mapping.ts';
import type { UnixSocket } from '../../../src/host/unix-socket.ts';
import { TestLog } from '../../../src/probe/memory.ts';
import { FRONT_END, HEADER_BYTES } from '../../../src/vhost-user/message.ts';
import * as protocol from '../../../src/vhost-user/protocol-features.ts';
import type { Body, FRONT_END_REQUESTS } from '../../../src/vhost-user/requests.ts';
import { features, hasFeature } from '../../../src/virtio/features.ts';
import { ExportRig, FrontEndRig } from '../../support/back-end-rig.ts';
import { openFdCount } from '../../support/session-rig.ts';

const RNG = { queueCount: 1, configSize: 0 };
const BLK = { queueCount: 1, configSize: 60 };
const DISK_BYTES = 1024 * 1024;
const PAGE = 4096n;
const BITS = features(protocol.VHOST_USER_F_PROTOCOL_FEATURES);
const PROTOCOL = features(0, 3, 5, 13, 15, 16);

let fdCount: number;
let disk: string;
let rig: ExportRig | undefined;
beforeEach(() => {
  fdCount = openFdCount();
  disk = join(tmpdir(), `orko-back-end-${process.pid}.img`);
  writeFileSync(
    disk,
    Uint8Array.from({ length: DISK_BYTES }, (_, index) => index >> 9),
  );
});
afterEach(() => {
  rig?.[Symbol.dispose]();
  rig = undefined;
  rmSync(disk);
  expect(openFdCount()).toBe(fdCount);
});

const request = (type: number, sector: number) => pack(virtio_blk_outhdr, { type, sector: BigInt(sector) });

function entropy(front: FrontEndRig, host: ExportRig): Uint8Array {
  front.queues[0]!.add({ writable: [32] });
  front.kick(0);
  return host.got(() => front.queues[0]!.take(), 'entropy').written();
}

test('rng: probe, start, bytes, stop and start again, and the next front-end', async () => {
  rig = await ExportRig.create('rng');
  for (let connection = 0; connection < 2; connection++) {
    using front = new FrontEndRig(rig, RNG);
    expect(hasFeature(front.connect(rig.connect())!.features, VIRTIO_F_VERSION_1)).toBe(true);
    for (let round = 0; round < 3; round++) {
      front.layOut();
      front.start({ driverFeatures: features(VIRTIO_F_VERSION_1, VIRTIO_RING_F_EVENT_IDX) });
      const bytes = entropy(front, rig);
      expect(bytes.length).toBe(32);
      expect(new Set(bytes).size).toBeGreaterThan(8);
      rig.until(() => front.call.take() > 0n, 'an interrupt');
      front.stop();
    }
    expect(front.fault).toBeUndefined();
    front.vanish();
    rig.until(() => rig!.ended !== undefined, 'the end');
    expect(rig.ended!.message).toBe('it has closed the connection');
    expect(rig.memory.regions).toEqual([]);
  }
});

test('a log: what was written is noted, and what was not is not; without it nothing is', async () => {
  rig = await ExportRig.create('rng');
  using log = new TestLog();
  const protocolFeatures = features(protocol.VHOST_USER_PROTOCOL_F_LOG_SHMFD);
  using front = new FrontEndRig(rig, { ...RNG, protocolFeatures });
  front.connect(rig.connect());
  front.layOut();
  const { driver, device } = front.queues[0]!.places;
  const buffer = front.ram.allocate(3 * Number(PAGE), Number(PAGE));
  const fill = () => {
    front.queues[0]!.addSegments([{ address: buffer + 4000, length: 200, writable: true }]);
    front.kick(0);
    rig!.got(() => front.queues[0]!.take(), 'entropy');
  };
  front.start();
  fill();
  front.stop();
  const marked = () => [buffer, buffer + 4096, buffer + 8192, device].map((address) => log.isMarked(address));
  expect(marked()).toEqual([false, false, false, false]);
  front.layOut();
  front.ram.allocate(16 * Number(PAGE));
  front.start({ log });
  fill();
  expect(marked()).toEqual([true, true, false, true]);
  expect(log.isMarked(driver)).toBe(Math.floor(driver / 4096) === Math.floor(device / 4096));
  expect(front.fault).toBeUndefined();
});

test('a log that is too small for the memory is refused', async () => {
  rig = await ExportRig.create('rng');
  using fd = createMemfd('log', 4096);
  const protocolFeatures = features(protocol.VHOST_USER_PROTOCOL_F_LOG_SHMFD);
  using front = new FrontEndRig(rig, { ...RNG, protocolFeatures });
  front.connect(rig.connect());
  front.layOut();
  front.start({ log: { fd, size: 4096 } });
  expect(front.fault).toBeDefined();
  rig.until(() => rig!.ended !== undefined, 'the end');
  expect(rig.ended!.message).toMatch(/^its log has 4096 bytes, and its memory needs \d+$/);
});

test('blk: the config space, what is written and read, a change that the front-end hears of', async () => {
  rig = await ExportRig.create('blk', { path: disk });
  using front = new FrontEndRig(rig, BLK);
  const facts = front.connect(rig.connect())!;
  const { capacity, wce } = virtio_blk_config.fields;
  const view = (config: Uint8Array) => new DataView(config.buffer, config.byteOffset);
  expect(view(facts.config).getBigUint64(capacity.offset, true)).toBe(BigInt(DISK_BYTES / 512));
  const [queue] = front.layOut();
  front.start();
  const done = (what: string) => rig!.got(() => queue!.take(), what).written();
  queue!.add({ readable: [request(VIRTIO_BLK_T_OUT, 3), new Uint8Array(512).fill(0xee)], writable: [1] });
  front.kick(0);
  expect(done('a write')).toEqual(Uint8Array.of(0));
  for (const [sector, byte] of [
    [3, 0xee],
    [4, 4],
  ] as const) {
    queue!.add({ readable: [request(VIRTIO_BLK_T_IN, sector)], writable: [512, 1] });
    front.kick(0);
    expect(done('a read')).toEqual(Uint8Array.from([...new Uint8Array(512).fill(byte), 0]));
  }
  expect(front.writeConfig(wce.offset, Uint8Array.of(0))![wce.offset]).toBe(0);
  rig.device.actions!['resize']!.run('2M');
  rig.until(() => front.configs.length > 0, 'the news');
  expect(view(front.configs[0]!).getBigUint64(capacity.offset, true)).toBe(4096n);
});

test('a front-end that is lost with requests under way leaves nothing behind', async () => {
  rig = await ExportRig.create('blk', { path: disk });
  for (let round = 0; round < 3; round++) {
    using front = new FrontEndRig(rig, BLK);
    front.connect(rig.connect());
    const [queue] = front.layOut();
    for (let sector = 0; sector < 5; sector++) {
      queue!.add({ readable: [request(VIRTIO_BLK_T_OUT, sector), new Uint8Array(512).fill(round)], writable: [1] });
    }
    queue!.kick();
    front.start();
    front.vanish();
    rig.until(() => rig!.ended !== undefined, 'the end');
  }
});

test('the driver breaks the ring: its error eventfd says so, GET_STATUS too, and a new start works', async () => {
  rig = await ExportRig.create('rng');
  using front = new FrontEndRig(rig, RNG);
  front.connect(rig.connect());
  const [queue] = front.layOut();
  queue!.add({ writable: [16] });
  queue!.kick();
  // The head of the first buffer: beyond the queue.
  front.ram.view.setUint16(queue!.places.driver + 4 - front.ram.base, 99, true);
  front.start();
  rig.until(() => rig!.faults.length > 0, 'the fault');
  expect(rig.faults[0]).toContain('descriptor 99');
  expect(rig.exported.needsReset).not.toBe(0);
  front.stop();
  expect(rig.exported.needsReset).toBe(0);
  front.layOut();
  front.start();
  expect(entropy(front, rig).length).toBe(32);
});

/** A front-end made of single messages. */
class RawFrontEnd {
  readonly #socket: UnixSocket;
  constructor(socket: UnixSocket) {
    this.#socket = socket;
  }

  say<Name extends keyof typeof FRONT_END_REQUESTS>(
    name: Name,
    body: Body<typeof FRONT_END_REQUESTS, Name>,
    fds: readonly Fd[] = [],
  ): void {
    this.#socket.send(FRONT_END.encodeRequest(name, body, true), fds);
  }

  /** The payload of an answer, as a number. */
  answer(): bigint | undefined {
    const bytes = rig!.got(() => this.#socket.receive(HEADER_BYTES + 8, 1)?.bytes, 'an answer');
    return bytes.length < HEADER_BYTES + 8 ? undefined : new DataView(bytes.buffer).getBigUint64(HEADER_BYTES, true);
  }

  negotiate(protocolFeatures = PROTOCOL): void {
    this.say('SET_FEATURES', features(VIRTIO_F_VERSION_1) | BITS);
    this.answer();
    this.say('SET_PROTOCOL_FEATURES', protocolFeatures);
    expect(this.answer()).toBe(0n);
  }

  close(): void {
    this.#socket[Symbol.dispose]();
  }
}

const region = (guest: bigint, size: bigint, more = {}) => {
  return { guest_address: guest, size, user_address: guest + 0x7000_0000_0000n, mmap_offset: 0n, ...more };
};

test.each<[string, string, (front: RawFrontEnd, fd: Fd) => void]>([
  ['features that were not offered', 'accepts features', (front) => front.say('SET_FEATURES', 1n << 40n)],
  ['a feature of the protocol', 'accepts protocol features', (front) => front.say('SET_PROTOCOL_FEATURES', 1n << 8n)],
  ['a request without its feature', 'needs protocol feature 8', (front) => front.say('POSTCOPY_LISTEN', undefined)],
  ['a ring that there is not', 'ring 7, and there are 1', (front) => front.say('SET_VRING_NUM', { index: 7, num: 8 })],
  ['a ring to be polled', 'polled', (front) => front.say('SET_VRING_KICK', { index: 0, hasFd: false })],
  [
    'memory that a file does not have',
    'of a file of 64 KiB',
    (front, fd) => front.say('ADD_MEM_REG', region(0n, 32n * PAGE), [fd]),
  ],
  ['memory of no size', 'where no guest memory can be', (front, fd) => front.say('ADD_MEM_REG', region(0n, 0n), [fd])],
  [
    'memory beyond all addresses',
    'where no guest memory can be',
    (front, fd) => front.say('ADD_MEM_REG', region(2n ** 64n - PAGE, 2n * PAGE), [fd]),
  ],
  [
    'memory off its page',
    'does not begin with a page',
    (front, fd) => front.say('ADD_MEM_REG', region(7n, PAGE), [fd]),
  ],
  [
    'memory at an odd offset',
    'bytes at 5 of a file',
    (front, fd) => front.say('ADD_MEM_REG', region(0n, PAGE, { mmap_offset: 5n }), [fd]),
  ],
  [
    'memory of something else than a file',
    'not a file',
    (front) => {
      using event = EventFd.create();
      front.say('ADD_MEM_REG', region(0n, PAGE), [event]);
    },
  ],
  [
    'memory in the place of other memory',
    'overlaps',
    (front, fd) => {
      front.say('ADD_MEM_REG', region(PAGE, 2n * PAGE), [fd]);
      expect(front.answer()).toBe(0n);
      front.say('ADD_MEM_REG', region(2n * PAGE, PAGE), [fd]);
    },
  ],
  [
    'a table whose regions overlap',
    'overlaps',
    (front, fd) => front.say('SET_MEM_TABLE', [region(0n, 2n * PAGE), region(PAGE, PAGE)], [fd, fd]),
  ],
  ['memory that it never gave', 'did not give', (front) => front.say('REM_MEM_REG', region(0n, PAGE))],
  [
    'a ring outside of memory',
    'in no region of memory',
    (front) =>
      front.say('SET_VRING_ADDR', {
        ...{ index: 0, flags: 0, desc_user_addr: 1n, used_user_addr: 2n, avail_user_addr: 3n, log_guest_addr: 0n },
      }),
  ],
  [
    'a kick that nobody can wait for',
    'watch file descriptor',
    (front, fd) => front.say('SET_VRING_KICK', { index: 0, hasFd: true }, [fd]),
  ],
  [
    'a channel that nobody can talk through',
    'watch file descriptor',
    (front, fd) => front.say('SET_BACKEND_REQ_FD', undefined, [fd]),
  ],
  [
    'config space of a device that has none',
    'needs protocol feature 9',
    (front) => front.say('SET_CONFIG', { offset: 400, flags: 0, bytes: new Uint8Array(4) }),
  ],
])('a front-end with %s is refused and cut off, and the next one served', async (_, message, misbehave) => {
  rig = await ExportRig.create('rng');
  const front = new RawFrontEnd(rig.connect());
  front.negotiate();
  using fd = createMemfd('test', 64 * 1024);
  misbehave(front, fd);
  expect(front.answer()).toBe(1n);
  rig.until(() => rig!.ended !== undefined, 'the end');
  expect(rig.ended!.message).toContain(message);
  front.close();
  using next = new FrontEndRig(rig, RNG);
  next.connect(rig.connect());
  next.layOut();
  next.start();
  expect(entropy(next, rig).length).toBe(32);
});

test('a front-end that speaks no protocol features: rings are enabled from the start', async () => {
  rig = await ExportRig.create('rng');
  using ours = new FrontEndRig(rig, RNG);
  const socket = rig.connect();
  const say = <Name extends keyof typeof FRONT_END_REQUESTS>(
    name: Name,
    body: Body<typeof FRONT_END_REQUESTS, Name>,
    fds: readonly Fd[] = [],
  ) => socket.send(FRONT_END.encodeRequest(name, body), fds);
  const [queue] = ours.layOut();
  const { desc, driver, device, size } = queue!.places;
  say('SET_OWNER', undefined);
  say('SET_FEATURES', features(VIRTIO_F_VERSION_1));
  const memory = {
    guest_address: BigInt(ours.ram.base),
    size: BigInt(ours.ram.bytes.length),
    user_address: 0n,
    mmap_offset: 0n,
  };
  say('SET_MEM_TABLE', [memory], [ours.fd]);
  const user = (address: number) => BigInt(address - ours.ram.base);
  say('SET_VRING_NUM', { index: 0, num: size });
  const places = { desc_user_addr: user(desc), avail_user_addr: user(driver), used_user_addr: user(device) };
  say('SET_VRING_ADDR', { index: 0, flags: 0, log_guest_addr: 0n, ...places });
  say('SET_VRING_BASE', { index: 0, num: 0 });
  using kick = EventFd.create();
  say('SET_VRING_KICK', { index: 0, hasFd: true }, [kick]);
  ours.kicks.push(kick);
  expect(entropy(ours, rig).length).toBe(32);
  // Interrupts that nobody got are owed to the one who asks for them.
  say('SET_VRING_CALL', { index: 0, hasFd: true }, [ours.call]);
  rig.until(() => ours.call.take() > 0n, 'an interrupt');
  say('GET_VRING_BASE', { index: 0, num: 0 });
  const bytes = rig.got(() => socket.receive(HEADER_BYTES + 8, 0)?.bytes, 'an answer');
  expect([...new Uint32Array(bytes.slice(HEADER_BYTES).buffer)]).toEqual([0, 1]);
  socket[Symbol.dispose]();
});
