/**
 * Descriptor chains that no driver may make (virtio 1.4 §2.7.5, §2.7.13). A back-end may answer them with an error, ignore
 * them, stop the ring, or close; it may not end, hang, or keep the next driver from working.
 */
import {
  VIRTIO_ID_BLOCK,
  VIRTIO_ID_CLOCK,
  VIRTIO_ID_CONSOLE,
  VIRTIO_ID_FS,
  VIRTIO_ID_GPU,
  VIRTIO_ID_NET,
  VIRTIO_ID_RNG,
  VIRTIO_ID_SCMI,
  VIRTIO_ID_SCSI,
  VIRTIO_ID_SOUND,
  VIRTIO_ID_VSOCK,
  VIRTIO_RING_F_INDIRECT_DESC,
  VRING_DESC_F_INDIRECT,
  VRING_DESC_F_NEXT,
  VRING_DESC_F_WRITE,
  vring_desc,
} from '../../abi/virtio.ts';
import { hasFeature } from '../../virtio/features.ts';
import type { Bench } from '../bench.ts';
import { type DriverRing, RING_ENTRIES } from '../driver-ring.ts';
import { MEMORY_BASE, MEMORY_BYTES } from '../memory.ts';
import { type Check, notApplicable, skip } from '../verdict.ts';

/**
 * The queue that takes requests, by device id. All of what is sent there is zeros: nothing that these devices would do. Those
 * that are not named here may move something real by it (a wire, a pin).
 */
const REQUEST_QUEUE: Readonly<Record<number, number>> = {
  [VIRTIO_ID_BLOCK]: 0,
  [VIRTIO_ID_CLOCK]: 0,
  [VIRTIO_ID_CONSOLE]: 1,
  [VIRTIO_ID_FS]: 1,
  [VIRTIO_ID_GPU]: 0,
  [VIRTIO_ID_NET]: 1,
  [VIRTIO_ID_RNG]: 0,
  [VIRTIO_ID_SCMI]: 0,
  [VIRTIO_ID_SCSI]: 2,
  [VIRTIO_ID_SOUND]: 0,
  [VIRTIO_ID_VSOCK]: 1,
};
/** How long the back-end may look at it before its ring is stopped. */
const LOOK_MS = 50;
const [NEXT, WRITE, INDIRECT] = [VRING_DESC_F_NEXT, VRING_DESC_F_WRITE, VRING_DESC_F_INDIRECT];
const BYTES = 64;
const END = BigInt(MEMORY_BASE + MEMORY_BYTES);
const ENTRY = vring_desc.size;

type Make = (ring: DriverRing, data: bigint, table: number) => void;

interface Chain {
  readonly id: string;
  readonly title: string;
  readonly make: Make;
  readonly isIndirect?: true;
}

/** One chain of one descriptor: descriptor 0. */
const one = (address: bigint, length: number, flags = 0): Make => {
  return (ring, data) => {
    ring.describe(0, { address: address === DATA ? data : address, length, flags });
    ring.offer(0);
  };
};
const DATA = -1n;

/** Descriptor 0 is an indirect table of so many bytes, whose entries `fill` writes. */
const indirect = (bytes: number, fill: (ring: DriverRing, table: number, data: bigint) => void, flags = 0): Make => {
  return (ring, data, table) => {
    fill(ring, table, data);
    ring.describe(0, { address: BigInt(table), length: bytes, flags: INDIRECT | flags, next: 1 });
    ring.describe(1, { address: data, length: BYTES, flags: WRITE });
    ring.offer(0);
  };
};

const CHAINS: readonly Chain[] = [
  {
    id: 'loop-self',
    title: 'a descriptor that is its own next',
    make(ring, data) {
      ring.describe(0, { address: data, length: BYTES, flags: NEXT, next: 0 });
      ring.offer(0);
    },
  },
  {
    id: 'loop-two',
    title: 'two descriptors in a circle',
    make(ring, data) {
      ring.describe(0, { address: data, length: BYTES, flags: NEXT, next: 1 });
      ring.describe(1, { address: data, length: BYTES, flags: NEXT, next: 0 });
      ring.offer(0);
    },
  },
  {
    id: 'head-beyond',
    title: 'a head that the ring does not have',
    make: (ring) => ring.offer(RING_ENTRIES + 5),
  },
  { id: 'head-last', title: 'the head 65535', make: (ring) => ring.offer(0xffff) },
  {
    id: 'next-beyond',
    title: 'a next that the ring does not have',
    make(ring, data) {
      ring.describe(0, { address: data, length: BYTES, flags: NEXT, next: RING_ENTRIES });
      ring.offer(0);
    },
  },
  { id: 'index-jump', title: 'an index further than the ring is long', make: (ring) => ring.jump(RING_ENTRIES + 100) },
  { id: 'index-back', title: 'an index that goes back', make: (ring) => ring.jump(-1) },
  { id: 'address-outside', title: 'an address outside all memory', make: one(0x10n, BYTES) },
  { id: 'address-end', title: 'a buffer over the end of memory', make: one(END - 16n, BYTES, WRITE) },
  { id: 'address-wraps', title: 'a buffer over the end of all addresses', make: one(2n ** 64n - 16n, BYTES, WRITE) },
  { id: 'address-zero', title: 'a buffer at address 0', make: one(0n, BYTES, WRITE) },
  { id: 'length-huge', title: 'a buffer of 4 GiB', make: one(DATA, 0xffff_ffff, WRITE) },
  { id: 'length-zero', title: 'a buffer of 0 bytes', make: one(DATA, 0) },
  { id: 'only-readable', title: 'nothing to write into', make: one(DATA, BYTES) },
  { id: 'only-writable', title: 'nothing to read', make: one(DATA, BYTES, WRITE) },
  {
    id: 'writable-first',
    title: 'readable parts behind writable ones',
    make(ring, data) {
      ring.describe(0, { address: data, length: BYTES, flags: WRITE | NEXT, next: 1 });
      ring.describe(1, { address: data, length: BYTES });
      ring.offer(0);
    },
  },
  {
    id: 'same-twice',
    title: 'the same head twice',
    make(ring, data) {
      ring.describe(0, { address: data, length: BYTES });
      ring.offer(0);
      ring.offer(0);
    },
  },
  {
    id: 'on-itself',
    title: 'a buffer that is the used ring',
    make(ring) {
      ring.describe(0, { address: BigInt(ring.setup.device), length: BYTES, flags: WRITE });
      ring.offer(0);
    },
  },
  { id: 'indirect-empty', title: 'an indirect table of 0 bytes', isIndirect: true, make: indirect(0, () => {}) },
  { id: 'indirect-odd', title: 'an indirect table of 17 bytes', isIndirect: true, make: indirect(ENTRY + 1, () => {}) },
  {
    id: 'indirect-outside',
    title: 'an indirect table outside all memory',
    isIndirect: true,
    make: one(0x10n, ENTRY, INDIRECT),
  },
  { id: 'indirect-huge', title: 'an indirect table of 4 GiB', isIndirect: true, make: indirect(0xffff_fff0, () => {}) },
  {
    id: 'indirect-nested',
    title: 'an indirect table in an indirect table',
    isIndirect: true,
    make: indirect(ENTRY, (ring, table) => {
      ring.describeAt(table, 0, { address: BigInt(table), length: ENTRY, flags: INDIRECT });
    }),
  },
  {
    id: 'indirect-loop',
    title: 'a circle in an indirect table',
    isIndirect: true,
    make: indirect(ENTRY, (ring, table, data) => {
      ring.describeAt(table, 0, { address: data, length: BYTES, flags: NEXT, next: 0 });
    }),
  },
  {
    id: 'indirect-next-beyond',
    title: 'a next that the indirect table does not have',
    isIndirect: true,
    make: indirect(ENTRY, (ring, table, data) => {
      ring.describeAt(table, 0, { address: data, length: BYTES, flags: NEXT, next: 9 });
    }),
  },
  {
    id: 'indirect-and-next',
    title: 'an indirect table with a next',
    isIndirect: true,
    make: indirect(ENTRY, (ring, table, data) => ring.describeAt(table, 0, { address: data, length: BYTES }), NEXT),
  },
];

export const CHAIN_CHECKS: readonly Check[] = CHAINS.map(({ id, title, make, isIndirect }) => ({
  id: `chain-${id}`,
  title: `It survives ${title}`,
  run: (bench) => run(bench, make, isIndirect === true),
}));

function run(bench: Bench, make: Make, isIndirect: boolean): string {
  const { known, features } = bench.facts;
  if (known === undefined) skip('the type of the device is not known: say it with --type');
  const queue = REQUEST_QUEUE[known.profile.id];
  if (queue === undefined) skip(`a ${known.type} may move something real by what it is sent`);
  if (isIndirect && !hasFeature(features, VIRTIO_RING_F_INDIRECT_DESC))
    notApplicable('it does not offer INDIRECT_DESC');
  using guest = bench.guest();
  const ring = guest.rings[queue]!;
  guest.start();
  make(ring, BigInt(ring.data), ring.data + 2048);
  guest.kick(queue);
  guest.until(() => guest.fault !== undefined || ring.usedCount > 0, LOOK_MS);
  const what = guest.fault ? 'it closes' : ring.usedCount > 0 ? 'it gives the buffer back' : 'it does nothing';
  if (!guest.fault) bench.stopOrClose(guest);
  return what;
}
