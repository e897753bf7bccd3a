/**
 * A TAP interface of the host (Documentation/networking/tuntap.rst) behind a network card: one file descriptor for each pair
 * of queues. Frames go straight from and to guest memory with the guest's own headers, so that checksums and segmentation are
 * left to whoever needs them done.
 */
import { EAGAIN, EBADFD, ENODEV } from '../abi/errno.ts';
import { iovec } from '../abi/libc.ts';
import { TUN_F_CSUM, TUN_F_TSO_ECN, TUN_F_TSO4, TUN_F_TSO6, TUN_F_USO4, TUN_F_USO6 } from '../abi/tun.ts';
import {
  VIRTIO_NET_F_CSUM,
  VIRTIO_NET_F_GUEST_CSUM,
  VIRTIO_NET_F_GUEST_ECN,
  VIRTIO_NET_F_GUEST_TSO4,
  VIRTIO_NET_F_GUEST_TSO6,
  VIRTIO_NET_F_GUEST_USO4,
  VIRTIO_NET_F_GUEST_USO6,
  VIRTIO_NET_F_HOST_ECN,
  VIRTIO_NET_F_HOST_TSO4,
  VIRTIO_NET_F_HOST_TSO6,
  VIRTIO_NET_F_HOST_USO,
  virtio_net_hdr_v1,
} from '../abi/virtio-net.ts';
import {
  CLOSED,
  FRAME_BYTES_MAX,
  type Network,
  type NetworkPort,
  NO_FRAME,
  type PortKernel,
  type ReceiveFilter,
  type Sent,
} from '../devices/network.ts';
import type { Fd } from '../host/fd.ts';
import { Mapping } from '../host/mapping.ts';
import { readIovecs, writeIovecs } from '../host/socket-bytes.ts';
import { attachTapQueue, filterTap, setTapHeaderSize, setTapOffloads } from '../host/tap-file.ts';
import { features, hasFeature } from '../virtio/features.ts';
import { IovecTable } from '../virtio/iovec-table.ts';

/** IOV_MAX of Linux (readv(2)). */
const IOVECS_MAX = 1024;
const HEADER_BYTES = virtio_net_hdr_v1.size;
const NOTHING = new Uint8Array();
const WORD_MASK = 0xffff_ffffn;

/** What the guest may leave to the network (HOST) and the network to the guest (GUEST), and the tap's word for the latter. */
const OFFLOADS: readonly { readonly feature: number; readonly flag: number }[] = [
  { feature: VIRTIO_NET_F_GUEST_CSUM, flag: TUN_F_CSUM },
  { feature: VIRTIO_NET_F_GUEST_TSO4, flag: TUN_F_TSO4 },
  { feature: VIRTIO_NET_F_GUEST_TSO6, flag: TUN_F_TSO6 },
  { feature: VIRTIO_NET_F_GUEST_ECN, flag: TUN_F_TSO_ECN },
];
const USO_OFFLOADS: typeof OFFLOADS = [
  { feature: VIRTIO_NET_F_GUEST_USO4, flag: TUN_F_USO4 },
  { feature: VIRTIO_NET_F_GUEST_USO6, flag: TUN_F_USO6 },
];
const HOST_OFFLOADS = features(
  VIRTIO_NET_F_CSUM,
  VIRTIO_NET_F_HOST_TSO4,
  VIRTIO_NET_F_HOST_TSO6,
  VIRTIO_NET_F_HOST_ECN,
);
const ALL_FLAGS = [...OFFLOADS, ...USO_OFFLOADS].reduce((flags, { flag }) => flags | flag, 0);

export interface TapOptions {
  /** Who else may serve the queues of this one. */
  kernel?(fd: Fd): PortKernel & Disposable;
  /** One for each queue, non-blocking. The tap owns them. */
  readonly fds: readonly Fd[];
  readonly hasHeaders: boolean;
  /** Whether checksums and segmentation may be left to the other side; needs headers. */
  readonly offloads: boolean;
}

export class Tap implements Network {
  readonly ports: readonly TapPort[];
  readonly hasHeaders: boolean;
  readonly offloads: bigint;
  readonly #fds: readonly Fd[];
  #portsUsed: number;

  constructor({ fds, hasHeaders, offloads, kernel }: TapOptions) {
    this.#fds = fds;
    this.#portsUsed = fds.length;
    this.hasHeaders = hasHeaders;
    for (const fd of hasHeaders ? fds : []) setTapHeaderSize(fd, HEADER_BYTES);
    this.offloads = hasHeaders && offloads ? this.#knownOffloads() : 0n;
    this.setGuestOffloads(0n);
    this.ports = fds.map((fd) => new TapPort(fd.number, kernel?.(fd)));
  }

  setGuestOffloads(wanted: bigint): void {
    if (!this.hasHeaders) return;
    // Segments without checksums cannot be (tun.c, set_offload).
    const known = hasFeature(wanted, VIRTIO_NET_F_GUEST_CSUM) ? [...OFFLOADS, ...USO_OFFLOADS] : [];
    const flags = known.reduce((sum, { feature, flag }) => sum | (hasFeature(wanted, feature) ? flag : 0), 0);
    setTapOffloads(this.#fds[0]!, flags);
  }

  /** The kernel filters, before a frame costs anything. Other things than taps do not; then the guest does. */
  setFilter({ promiscuous, allMulticast, addresses }: ReceiveFilter): void {
    filterTap(this.#fds[0]!, promiscuous ? [] : addresses, allMulticast);
  }

  usePorts(count: number): void {
    for (; this.#portsUsed > count; this.#portsUsed--) attachTapQueue(this.#fds[this.#portsUsed - 1]!, false);
    for (; this.#portsUsed < count; this.#portsUsed++) attachTapQueue(this.#fds[this.#portsUsed]!, true);
  }

  /** Segmentation of UDP is new (Linux 6.2). */
  #knownOffloads(): bigint {
    const [first] = this.#fds;
    const mask = (offloads: typeof OFFLOADS) => features(...offloads.map(({ feature }) => feature));
    const known = HOST_OFFLOADS | mask(OFFLOADS);
    return setTapOffloads(first!, ALL_FLAGS) ? known | features(VIRTIO_NET_F_HOST_USO) | mask(USO_OFFLOADS) : known;
  }

  [Symbol.dispose](): void {
    for (const port of this.ports) port[Symbol.dispose]();
    for (const fd of this.#fds) fd[Symbol.dispose]();
  }
}

/** One queue of a tap; or anything else of which each read and each write is one frame. */
export class TapPort implements NetworkPort, Disposable {
  readonly fd: number;
  readonly room: IovecTable;
  readonly kernel: (PortKernel & Disposable) | undefined;
  rest: Uint8Array = NOTHING;
  readonly #frame = new IovecTable(IOVECS_MAX);
  /** The entries of the room, and after them one for what it does not hold. */
  readonly #iovecs = new Uint8Array(IOVECS_MAX * iovec.size);
  readonly #words = new Uint32Array(this.#iovecs.buffer);
  readonly #spill = Mapping.create(HEADER_BYTES + FRAME_BYTES_MAX, { what: 'the frames of a tap' });

  constructor(fd: number, kernel?: PortKernel & Disposable) {
    this.fd = fd;
    this.kernel = kernel;
    this.room = new IovecTable(IOVECS_MAX - 1, this.#iovecs);
  }

  receive(): number {
    const { room } = this;
    this.#appendSpill(room.count);
    const count = readIovecs(this.fd, { bytes: this.#iovecs, count: room.count + 1 });
    if (count <= 0) return count === 0 || hasEnded(-count) ? CLOSED : NO_FRAME;
    const inRoom = Math.min(count, room.byteLength);
    this.rest = count === inRoom ? NOTHING : this.#spill.bytes.subarray(0, count - inRoom);
    return inRoom;
  }

  begin(): IovecTable {
    this.#frame.clear();
    return this.#frame;
  }

  send(): Sent {
    const count = writeIovecs(this.fd, this.#frame);
    if (count >= 0) return 'sent';
    if (count === -EAGAIN) return 'full';
    // The rest is a frame that the kernel does not take, or an interface that is down.
    return hasEnded(-count) ? 'closed' : 'refused';
  }

  cancel(): void {}

  #appendSpill(index: number): void {
    const at = (index * iovec.size) / Uint32Array.BYTES_PER_ELEMENT;
    const { pointer, size } = this.#spill;
    this.#words[at] = Number(pointer & WORD_MASK);
    this.#words[at + 1] = Number(pointer >> 32n);
    this.#words[at + 2] = size;
    this.#words[at + 3] = 0;
  }

  [Symbol.dispose](): void {
    this.kernel?.[Symbol.dispose]();
    this.#spill[Symbol.dispose]();
  }
}

/** The interface was deleted, or this queue of it detached (tun.c, tun_chr_read_iter). */
function hasEnded(errno: number): boolean {
  return errno === EBADFD || errno === ENODEV;
}
