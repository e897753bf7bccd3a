/**
 * Messages that no front-end may send (vhost-user, "Message Specification" and the sections of each). A back-end may refuse,
 * ignore, or close; it may not end, hang, or keep the next front-end from working.
 */
import { pack, struct, u32 } from '../../base/layout.ts';
import { KiB } from '../../base/units.ts';
import { EventFd } from '../../host/eventfd.ts';
import type { Fd } from '../../host/fd.ts';
import { createMemfd } from '../../host/mapping.ts';
import { encodeHeader, FRONT_END } from '../../vhost-user/message.ts';
import type { MemoryRegion } from '../../vhost-user/payload.ts';
import {
  VHOST_USER_PROTOCOL_F_BACKEND_REQ,
  VHOST_USER_PROTOCOL_F_CONFIG,
  VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS,
  VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD,
  VHOST_USER_PROTOCOL_F_LOG_SHMFD,
  VHOST_USER_PROTOCOL_F_STATUS,
} from '../../vhost-user/protocol-features.ts';
import { FRONT_END_REQUESTS } from '../../vhost-user/requests.ts';
import { hasFeature } from '../../virtio/features.ts';
import type { Bench } from '../bench.ts';
import { RING_ENTRIES } from '../driver-ring.ts';
import { MEMORY_BASE, MEMORY_BYTES, TestMemory } from '../memory.ts';
import type { Peer } from '../peer.ts';
import { type Check, notApplicable } from '../verdict.ts';

interface World {
  readonly peer: Peer;
  readonly memory: TestMemory;
  /** Descriptors that live as long as the check. */
  eventfd(): Fd;
  memfd(size: number): Fd;
}

interface Message {
  readonly id: string;
  readonly title: string;
  readonly needs?: number;
  send(world: World): void;
}

const HUGE = 0xffff_ffff;
const BEYOND = 0x7fff_ffff;
const RING_BEYOND = 250;
const FDS_MANY = 8;
const header = struct(12, { request: u32(0), flags: u32(4), size: u32(8) });
const { SET_FEATURES, SET_VRING_NUM, SET_MEM_TABLE } = FRONT_END_REQUESTS;

const region = (change: Partial<MemoryRegion> = {}): MemoryRegion => ({
  guest_address: BigInt(MEMORY_BASE),
  size: BigInt(MEMORY_BYTES),
  user_address: BigInt(MEMORY_BASE),
  mmap_offset: 0n,
  ...change,
});
/** Header and payload by hand, where the codec makes nothing wrong. */
const raw = (request: number, flags: number, size: number, payload = new Uint8Array()): Uint8Array => {
  return new Uint8Array([...pack(header, { request, flags, size }), ...payload]);
};
const withTable = (send: (world: World) => void) => (world: World) => {
  world.peer.send('SET_MEM_TABLE', [region()], [world.memory.fd]);
  send(world);
};
const table = (change: Partial<MemoryRegion>) => (world: World) => {
  world.peer.send('SET_MEM_TABLE', [region(change)], [world.memory.fd]);
};
const addresses = (change: object) => ({
  ...{ index: 0, flags: 0, log_guest_addr: 0n },
  desc_user_addr: BigInt(MEMORY_BASE),
  avail_user_addr: BigInt(MEMORY_BASE + 4 * KiB),
  used_user_addr: BigInt(MEMORY_BASE + 8 * KiB),
  ...change,
});

const MESSAGES: readonly Message[] = [
  {
    id: 'version',
    title: 'a message of version 2',
    send: ({ peer }) => peer.sendRaw(raw(SET_FEATURES.id, 0x2, 8, new Uint8Array(8))),
  },
  { id: 'unknown', title: 'a request that does not exist', send: ({ peer }) => peer.sendRaw(raw(9999, 0x1, 0)) },
  { id: 'unknown-ack', title: 'the same, to be acknowledged', send: ({ peer }) => peer.sendRaw(raw(9999, 0x9, 0)) },
  {
    id: 'reply',
    title: 'an answer to nothing',
    send: ({ peer }) => peer.sendRaw(raw(SET_FEATURES.id, 0x5, 8, new Uint8Array(8))),
  },
  { id: 'size-huge', title: 'a payload of 4 GiB', send: ({ peer }) => peer.sendRaw(raw(SET_FEATURES.id, 0x1, HUGE)) },
  {
    id: 'size-large',
    title: 'a payload of 60 000 bytes',
    send: ({ peer }) => peer.sendRaw(raw(SET_FEATURES.id, 0x1, 60_000, new Uint8Array(60_000))),
  },
  {
    id: 'size-short',
    title: 'half a payload',
    send: ({ peer }) => peer.sendRaw(raw(SET_FEATURES.id, 0x1, 4, new Uint8Array(4))),
  },
  {
    id: 'size-zero',
    title: 'no payload where there has to be one',
    send: ({ peer }) => peer.sendRaw(raw(SET_VRING_NUM.id, 0x1, 0)),
  },
  {
    id: 'fd-stray',
    title: 'a descriptor with a message that has none',
    send: (world) =>
      world.peer.sendRaw(encodeHeader({ request: 1, isReply: false, needsReply: false, size: 0 }), [world.eventfd()]),
  },
  {
    id: 'fd-many',
    title: `${FDS_MANY} descriptors where one belongs`,
    send(world) {
      const fds = Array.from({ length: FDS_MANY }, () => world.eventfd());
      world.peer.send('SET_VRING_CALL', { index: 0, hasFd: true }, fds);
    },
  },
  {
    id: 'fd-missing-kick',
    title: 'a kick without its descriptor',
    send: ({ peer }) => peer.send('SET_VRING_KICK', { index: 0, hasFd: true }),
  },
  {
    id: 'fd-missing-memory',
    title: 'memory without its descriptor',
    send: ({ peer }) => peer.send('SET_MEM_TABLE', [region()]),
  },
  {
    id: 'fd-missing-channel',
    title: 'a channel without its descriptor',
    needs: VHOST_USER_PROTOCOL_F_BACKEND_REQ,
    send: ({ peer }) => peer.send('SET_BACKEND_REQ_FD', undefined),
  },
  {
    id: 'channel-none',
    title: 'a channel that is no socket',
    needs: VHOST_USER_PROTOCOL_F_BACKEND_REQ,
    send: ({ peer, memory }) => peer.send('SET_BACKEND_REQ_FD', undefined, [memory.fd]),
  },
  {
    id: 'memory-count',
    title: 'a memory table of 65535 regions that has one',
    send({ peer, memory }) {
      const bytes = FRONT_END.encodeRequest('SET_MEM_TABLE', [region()]);
      new DataView(bytes.buffer).setUint32(header.size, 0xffff, true);
      peer.sendRaw(bytes, [memory.fd]);
    },
  },
  {
    id: 'memory-none',
    title: 'a memory table without a region',
    send: ({ peer }) => peer.sendRaw(raw(SET_MEM_TABLE.id, 0x1, 8, new Uint8Array(8))),
  },
  {
    id: 'memory-overlap',
    title: 'two regions at the same addresses',
    send: ({ peer, memory }) => peer.send('SET_MEM_TABLE', [region(), region()], [memory.fd, memory.fd]),
  },
  { id: 'memory-empty', title: 'a region of 0 bytes', send: table({ size: 0n }) },
  {
    id: 'memory-wraps',
    title: 'a region over the end of all addresses',
    send: table({ guest_address: 2n ** 64n - 4096n, user_address: 2n ** 64n - 4096n }),
  },
  { id: 'memory-beyond-file', title: 'a region larger than its file', send: table({ size: 2n ** 40n }) },
  { id: 'memory-offset', title: 'a region behind the end of its file', send: table({ mmap_offset: 2n ** 62n }) },
  {
    id: 'memory-no-file',
    title: 'a region that is an eventfd',
    send: (world) => world.peer.send('SET_MEM_TABLE', [region()], [world.eventfd()]),
  },
  {
    id: 'memory-add-twice',
    title: 'a region that is there already',
    needs: VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS,
    send({ peer, memory }) {
      peer.send('ADD_MEM_REG', region(), [memory.fd]);
      peer.send('ADD_MEM_REG', region(), [memory.fd]);
    },
  },
  {
    id: 'memory-remove-none',
    title: 'taking away a region that is not there',
    needs: VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS,
    send: ({ peer }) => peer.send('REM_MEM_REG', region()),
  },
  ...[0, 3, 65_536, HUGE].map((num) => ({
    id: `ring-size-${num}`,
    title: `a ring of ${num} entries`,
    send: ({ peer }: World) => peer.send('SET_VRING_NUM', { index: 0, num }),
  })),
  ...(['SET_VRING_NUM', 'SET_VRING_BASE', 'SET_VRING_ENABLE', 'GET_VRING_BASE'] as const).flatMap((name) =>
    [RING_BEYOND, BEYOND].map((index) => ({
      id: `${name.toLowerCase().replaceAll('_', '-')}-${index === BEYOND ? 'far-beyond' : 'beyond'}`,
      title: `${name} of ring ${index}`,
      send: ({ peer }: World) => peer.send(name, { index, num: name === 'SET_VRING_NUM' ? RING_ENTRIES : 1 }),
    })),
  ),
  {
    id: 'kick-beyond',
    title: `a kick for ring ${RING_BEYOND}`,
    send: (world) => world.peer.send('SET_VRING_KICK', { index: RING_BEYOND, hasFd: true }, [world.eventfd()]),
  },
  {
    id: 'kick-no-eventfd',
    title: 'a kick that is a memfd',
    send: ({ peer, memory }) => peer.send('SET_VRING_KICK', { index: 0, hasFd: true }, [memory.fd]),
  },
  {
    id: 'call-no-eventfd',
    title: 'a call that is a memfd',
    send: ({ peer, memory }) => peer.send('SET_VRING_CALL', { index: 0, hasFd: true }, [memory.fd]),
  },
  {
    id: 'ring-outside',
    title: 'a ring outside all memory',
    send: withTable(({ peer }) => peer.send('SET_VRING_ADDR', addresses({ desc_user_addr: 0x10n }))),
  },
  {
    id: 'ring-over-end',
    title: 'a ring over the end of memory',
    send: withTable(({ peer }) => {
      peer.send('SET_VRING_NUM', { index: 0, num: RING_ENTRIES });
      peer.send('SET_VRING_ADDR', addresses({ used_user_addr: BigInt(MEMORY_BASE + MEMORY_BYTES - 8) }));
    }),
  },
  {
    id: 'ring-misaligned',
    title: 'a ring at an odd address',
    send: withTable(({ peer }) => peer.send('SET_VRING_ADDR', addresses({ desc_user_addr: BigInt(MEMORY_BASE + 1) }))),
  },
  {
    id: 'base-huge',
    title: 'a ring that begins at 4294967295',
    send: ({ peer }) => peer.send('SET_VRING_BASE', { index: 0, num: HUGE }),
  },
  {
    id: 'enable-nonsense',
    title: 'SET_VRING_ENABLE of 7',
    send: ({ peer }) => peer.send('SET_VRING_ENABLE', { index: 0, num: 7 }),
  },
  {
    id: 'features-all',
    title: 'all 64 features accepted',
    send: ({ peer }) => peer.send('SET_FEATURES', 2n ** 64n - 1n),
  },
  {
    id: 'protocol-all',
    title: 'all 64 protocol features accepted',
    send: ({ peer }) => peer.send('SET_PROTOCOL_FEATURES', 2n ** 64n - 1n),
  },
  {
    id: 'config-huge',
    title: 'a config space access of 4 GiB',
    needs: VHOST_USER_PROTOCOL_F_CONFIG,
    send({ peer }) {
      const bytes = FRONT_END.encodeRequest('GET_CONFIG', { offset: 0, flags: 0, bytes: new Uint8Array(4) });
      new DataView(bytes.buffer).setUint32(header.size + 4, HUGE, true);
      peer.sendRaw(bytes);
    },
  },
  {
    id: 'config-far',
    title: 'config space at 4294967295',
    needs: VHOST_USER_PROTOCOL_F_CONFIG,
    send: ({ peer }) => peer.send('GET_CONFIG', { offset: HUGE, flags: 0, bytes: new Uint8Array(4) }),
  },
  {
    id: 'inflight-huge',
    title: 'notes for 65535 queues of 65535 entries',
    needs: VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD,
    send: ({ peer }) => peer.send('GET_INFLIGHT_FD', inflight({ num_queues: 0xffff, queue_size: 0xffff })),
  },
  {
    id: 'inflight-small',
    title: 'notes of 2 MiB in a file of 4 KiB',
    needs: VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD,
    send: (world) =>
      world.peer.send('SET_INFLIGHT_FD', inflight({ mmap_size: BigInt(MEMORY_BYTES) }), [world.memfd(4 * KiB)]),
  },
  {
    id: 'log-small',
    title: 'a log of 1 TiB in a file of 4 KiB',
    needs: VHOST_USER_PROTOCOL_F_LOG_SHMFD,
    send: (world) => world.peer.send('SET_LOG_BASE', { size: 2n ** 40n, offset: 0n }, [world.memfd(4 * KiB)]),
  },
  {
    id: 'status-nonsense',
    title: 'a status with bits that do not exist',
    needs: VHOST_USER_PROTOCOL_F_STATUS,
    send: ({ peer }) => peer.send('SET_STATUS', 0xffff_ffffn),
  },
];

export const MESSAGE_CHECKS: readonly Check[] = MESSAGES.map(({ id, title, needs, send }) => ({
  id: `message-${id}`,
  title: `It survives ${title}`,
  run(bench) {
    needFeature(bench, needs);
    using resources = new DisposableStack();
    const peer = resources.use(bench.meet());
    const memory = resources.use(new TestMemory());
    return bench.provoke(peer, () =>
      send({
        ...{ peer, memory },
        eventfd: () => resources.use(EventFd.create()),
        memfd: (size) => resources.use(createMemfd('probe', size)),
      }),
    );
  },
}));

function needFeature({ facts: { protocolFeatures = 0n } }: Bench, feature: number | undefined): void {
  if (feature !== undefined && !hasFeature(protocolFeatures, feature)) notApplicable('it does not offer this');
}

function inflight(change: object) {
  return { mmap_size: 0n, mmap_offset: 0n, num_queues: 1, queue_size: RING_ENTRIES, ...change };
}
