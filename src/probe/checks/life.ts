/** The life of rings with a good driver (vhost-user, "Ring states"; virtio 1.4 §2.7, §3.1). */
import { VHOST_F_LOG_ALL } from '../../abi/vhost.ts';
import {
  VIRTIO_F_VERSION_1,
  VIRTIO_ID_BLOCK,
  VIRTIO_ID_RNG,
  VIRTIO_RING_F_INDIRECT_DESC,
  VRING_DESC_F_INDIRECT,
  VRING_DESC_F_NEXT,
  VRING_DESC_F_WRITE,
  vring_desc,
} from '../../abi/virtio.ts';
import { VIRTIO_BLK_T_IN, virtio_blk_outhdr } from '../../abi/virtio-blk.ts';
import { pack } from '../../base/layout.ts';
import { formatAddress } from '../../base/units.ts';
import { offeredFeatures } from '../../io/served-profiles.ts';
import { bitsOf, featureNames } from '../../vhost-user/feature-names.ts';
import { PeerFault } from '../../vhost-user/peer-fault.ts';
import { VHOST_USER_PROTOCOL_F_LOG_SHMFD } from '../../vhost-user/protocol-features.ts';
import { hasFeature, features as mask } from '../../virtio/features.ts';
import type { Bench } from '../bench.ts';
import type { Descriptor, DriverRing } from '../driver-ring.ts';
import type { Guest } from '../guest.ts';
import { TestLog } from '../memory.ts';
import { type Check, fail, notApplicable } from '../verdict.ts';

const ROUNDS = 5;
const BASE = 7;
const BATCH = 4;
const SECTOR_BYTES = 512;
const NOT_WRITTEN = 0xff;
/** How long something that must not happen is waited for. */
const QUIET_MS = 100;

export const LIFE: readonly Check[] = [
  {
    id: 'start-stop',
    title: `Its rings start and stop, ${ROUNDS} times on one connection`,
    run(bench) {
      using guest = bench.guest();
      for (let round = 0; round < ROUNDS; round++) {
        guest.start();
        guest.stop();
      }
      return undefined;
    },
  },
  {
    id: 'feature-subsets',
    title: 'It works with each of its features left out, and each alone',
    run(bench) {
      const all = driverFeatures(bench);
      const version = mask(VIRTIO_F_VERSION_1);
      const others = bitsOf(all & ~version).map((bit) => mask(bit));
      const sets = [version, all, ...others.map((bit) => version | bit), ...others.map((bit) => all & ~bit)];
      for (const set of sets) startWith(bench, set);
      return `${sets.length} sets`;
    },
  },
  {
    id: 'ring-base',
    title: 'A ring that goes on where another has stopped begins and ends there (SET_VRING_BASE, GET_VRING_BASE)',
    run(bench) {
      using guest = bench.guest({ start: BASE });
      guest.start();
      const base = guest.stopRing(0);
      if (base !== BASE) fail(`it was started at ${BASE} and stops at ${base}`);
      return undefined;
    },
  },
  {
    id: 'stopped-is-quiet',
    title: 'Rings that are stopped use no buffers',
    run(bench) {
      using guest = bench.guest();
      guest.start();
      guest.stop();
      for (const ring of guest.rings) {
        ring.describe(0, { address: BigInt(ring.data), length: SECTOR_BYTES, flags: VRING_DESC_F_WRITE });
        ring.offer(0);
        guest.kick(ring.setup.index);
      }
      const isUsed = () => guest.rings.some(({ usedCount }) => usedCount > 0);
      if (guest.until(isUsed, QUIET_MS)) fail('it uses a buffer of a ring that was stopped (GET_VRING_BASE)');
      return undefined;
    },
  },
  {
    id: 'request',
    title: 'A request is done, once, and the driver is interrupted',
    run(bench) {
      using guest = bench.guest();
      const request = requestOf(bench, guest, 0);
      guest.start();
      send(guest, [request]);
      if (!guest.until(() => guest.takeCall())) fail('the driver is not interrupted');
      return undefined;
    },
  },
  {
    id: 'requests-at-once',
    title: `${BATCH} requests at once are done, each once, and the indices end where they should`,
    run(bench) {
      using guest = bench.guest();
      const requests = Array.from({ length: BATCH }, (_, index) => requestOf(bench, guest, index));
      guest.start();
      send(guest, requests);
      const base = guest.stopRing(0);
      if (base !== BATCH) fail(`after ${BATCH} requests the ring stops at ${base}`);
      return undefined;
    },
  },
  {
    id: 'available-before-start',
    title: 'A request that was there before its ring started is done, without another kick than that of the front-end',
    run(bench) {
      using guest = bench.guest();
      const request = requestOf(bench, guest, 0);
      const ring = guest.rings[0]!;
      ring.offer(write(ring, request, 0));
      guest.start();
      expectDone(guest, [request], [0]);
      return undefined;
    },
  },
  {
    id: 'goes-on',
    title: 'A ring that was stopped goes on from there when it is started again',
    run(bench) {
      using guest = bench.guest();
      for (let round = 0; round < ROUNDS; round++) {
        const request = requestOf(bench, guest, 0);
        guest.start(guest.features, round);
        send(guest, [request]);
        const base = guest.stopRing(0);
        if (base !== round + 1) fail(`after ${round + 1} requests the ring stops at ${base}`);
        guest.stop();
      }
      return undefined;
    },
  },
  {
    id: 'interrupt-suppressed',
    title: 'A driver that asks for no interrupts gets none (VRING_AVAIL_F_NO_INTERRUPT)',
    run(bench) {
      using guest = bench.guest();
      const request = requestOf(bench, guest, 0);
      guest.rings[0]!.suppressInterrupts();
      guest.start();
      guest.takeCall();
      send(guest, [request]);
      if (guest.takeCall()) fail('it interrupts the driver all the same');
      return undefined;
    },
  },
  {
    id: 'dirty-log',
    title: 'It notes in the log what it has written, buffers and used ring (VHOST_F_LOG_ALL)',
    run(bench) {
      const { features, protocolFeatures = 0n } = bench.facts;
      if (!hasFeature(features, VHOST_F_LOG_ALL)) notApplicable('it does not offer VHOST_F_LOG_ALL');
      if (!hasFeature(protocolFeatures, VHOST_USER_PROTOCOL_F_LOG_SHMFD)) notApplicable('it does not offer LOG_SHMFD');
      using log = new TestLog();
      using guest = bench.guest({ log });
      const request = requestOf(bench, guest, 0);
      guest.start();
      send(guest, [request]);
      guest.stopRing(0);
      const written = request.parts.filter(({ flags = 0 }) => (flags & VRING_DESC_F_WRITE) !== 0);
      const pages = new Set([...written.map(({ address }) => Number(address)), guest.rings[0]!.setup.device]);
      const missing = [...pages].filter((address) => !log.isMarked(address));
      if (missing.length > 0) fail(`it does not note what it wrote at ${missing.map(formatAddress).join(', ')}`);
      if (log.isMarked(guest.rings[0]!.setup.driver)) fail('it notes the available ring, which it does not write');
      return undefined;
    },
  },
  {
    id: 'indirect-request',
    title: 'A request in an indirect table is done',
    run(bench) {
      if (!hasFeature(bench.facts.features, VIRTIO_RING_F_INDIRECT_DESC))
        notApplicable('it does not offer INDIRECT_DESC');
      using guest = bench.guest();
      const request = requestOf(bench, guest, 0);
      guest.start();
      send(guest, [{ ...request, isIndirect: true }]);
      return undefined;
    },
  },
];

/** What orko-vmm would let a driver accept. */
function driverFeatures({ facts: { known, features } }: Bench): bigint {
  if (known === undefined) return features & mask(VIRTIO_F_VERSION_1, VIRTIO_RING_F_INDIRECT_DESC);
  return offeredFeatures(known.profile, features, false) & features;
}

function startWith(bench: Bench, features: bigint): void {
  try {
    using guest = bench.guest();
    guest.start(features);
    guest.stop();
  } catch (error) {
    if (!(error instanceof PeerFault)) throw error;
    const id = bench.facts.known?.profile.id;
    fail(`with ${featureNames(features, id).join(' ')}: ${error.message}`);
  }
}

interface Request {
  /** Its parts; the last byte of the last one is what the back-end writes in any case. */
  readonly parts: readonly Descriptor[];
  readonly isIndirect?: true;
  check(ring: DriverRing): void;
}

/** Something harmless that each device of this type does: request number `index` of ring 0. */
function requestOf({ facts: { known } }: Bench, guest: Guest, index: number): Request {
  const ring = guest.rings[0]!;
  const header = ring.data + index * 2 * SECTOR_BYTES;
  const [data, status] = [header + virtio_blk_outhdr.size, header + virtio_blk_outhdr.size + SECTOR_BYTES];
  const bytes = guest.memory.at(status, 1);
  bytes[0] = NOT_WRITTEN;
  switch (known?.profile.id) {
    case VIRTIO_ID_BLOCK:
      guest.memory.at(header, virtio_blk_outhdr.size).set(pack(virtio_blk_outhdr, { type: VIRTIO_BLK_T_IN }));
      return {
        parts: [
          { address: BigInt(header), length: virtio_blk_outhdr.size },
          { address: BigInt(data), length: SECTOR_BYTES, flags: VRING_DESC_F_WRITE },
          { address: BigInt(status), length: 1, flags: VRING_DESC_F_WRITE },
        ],
        check: () => {
          if (bytes[0] !== 0) fail(`reading the first sector has the status ${bytes[0]}`);
        },
      };
    case VIRTIO_ID_RNG:
      return { parts: [{ address: BigInt(data), length: 64, flags: VRING_DESC_F_WRITE }], check: () => {} };
    default:
      return notApplicable('no request of this type is harmless and has an answer: blk and rng have');
  }
}

/** Makes all of them available at once, and waits until they are done. */
function send(guest: Guest, requests: readonly Request[]): void {
  const ring = guest.rings[0]!;
  const heads = requests.map((request, index) => write(ring, request, index * 3));
  for (const head of heads) ring.offer(head);
  guest.kick(0);
  expectDone(guest, requests, heads);
}

/** Waits until each of them was given back once. */
function expectDone(guest: Guest, requests: readonly Request[], heads: readonly number[]): void {
  const ring = guest.rings[0]!;
  const isDone = () => guest.fault !== undefined || ring.usedCount >= requests.length;
  if (!guest.until(isDone)) fail(`${ring.usedCount} of ${requests.length} requests are given back`);
  if (guest.fault) throw guest.fault;
  const ids = requests.map(() => ring.take()!.id);
  if (ids.toSorted().join() !== heads.toSorted().join())
    fail(`it was given ${heads.join()} and gives back ${ids.join()}`);
  for (const request of requests) request.check(ring);
  if (guest.until(() => ring.usedCount > 0, QUIET_MS)) fail('it gives back more than it was given');
}

function write(ring: DriverRing, { parts, isIndirect }: Request, first: number): number {
  const table = ring.data + 3 * 1024;
  parts.forEach((part, index) => {
    const isLast = index === parts.length - 1;
    const flags = (part.flags ?? 0) | (isLast ? 0 : VRING_DESC_F_NEXT);
    if (isIndirect) ring.describeAt(table, index, { ...part, flags, next: index + 1 });
    else ring.describe(first + index, { ...part, flags, next: first + index + 1 });
  });
  if (isIndirect) {
    const length = parts.length * vring_desc.size;
    ring.describe(first, { address: BigInt(table), length, flags: VRING_DESC_F_INDIRECT });
  }
  return first;
}
