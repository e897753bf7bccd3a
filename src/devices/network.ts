/** What a network card is connected to, as the card sees it: the interface that a tap or a user-mode network implements. */
import type { QueueWires } from '../virtio/device.ts';
import type { IovecTable } from '../virtio/iovec-table.ts';
import type { QueuePlaces } from '../virtio/ring.ts';

/** 6 bytes. */
export type MacAddress = Uint8Array;

/** The longest frame: an IP packet of 65535 bytes, an Ethernet header and a VLAN tag. */
export const FRAME_BYTES_MAX = 65_535 + 14 + 4;

export interface Network extends Disposable {
  /** One for each pair of queues that the card has. */
  readonly ports: readonly NetworkPort[];
  /** Whether a virtio_net_hdr_v1, the guest's own, stands before each frame on a port. */
  readonly hasHeaders: boolean;
  /** The checksum and segmentation features that it carries, both ways: a mask of VIRTIO_NET_F_*. Headers carry them. */
  readonly offloads: bigint;
  /** The guest takes frames with these of `offloads` from now on: features whose names begin with VIRTIO_NET_F_GUEST_. */
  setGuestOffloads(features: bigint): void;
  /** Which frames the guest wants to see. It may be shown others. */
  setFilter(filter: ReceiveFilter): void;
  /** The guest serves the first `count` ports from now on, and frames for the others go to these. */
  usePorts(count: number): void;
}

export interface NetworkPort {
  /** Readable when there may be a frame; writable when a port that was full may take one. */
  readonly fd: number;
  /**
   * Where the next frame shall go; whoever calls `receive` fills it before. A port that cannot read into guest memory has
   * none.
   */
  readonly room: IovecTable | undefined;
  /**
   * Takes the next frame, header and all: its beginning to `room`, what has no place there to `rest`. Returns how many bytes
   * went to `room`, or NO_FRAME, or CLOSED.
   */
  receive(): number;
  /** The end of the frame that was received last, until the next one is. */
  readonly rest: Uint8Array;
  /** Begins a frame: its pieces, header and all, are appended to this table (as far as it has room). */
  begin(): IovecTable;
  /** Sends the frame, of `length` bytes. */
  send(length: number): Sent;
  /** The frame that found the port full will not be sent again. */
  cancel(): void;
  /** Who can serve the port's queues without us. */
  readonly kernel?: PortKernel | undefined;
}

/** The two queues of a port, as the host's kernel serves them. */
export interface PortKernel {
  /** Whether it can, with these features of the driver. */
  accepts(features: bigint): boolean;
  /** There is a driver with these features. Before anything is prepared. */
  begin(features: bigint): void;
  /** A ring that nothing was taken from yet; it waits for `run`. */
  prepare(half: PortHalf, places: QueuePlaces, wires: QueueWires): void;
  run(half: PortHalf): void;
  /** Synchronous: once it returns, neither ring nor buffers are touched. `run` goes on where it stood. */
  hold(half: PortHalf): void;
}

export type PortHalf = 'receive' | 'transmit';

/** There is no frame now. */
export const NO_FRAME = -1;
/** There will be none any more. */
export const CLOSED = -2;

/** `full`: try again with the same frame once the fd is writable. `refused`: this one cannot be sent. */
export type Sent = 'sent' | 'full' | 'refused' | 'closed';

/** Receive filtering (virtio 1.4 §5.1.6.5.1, §5.1.6.5.2). */
export interface ReceiveFilter {
  /** Everything; the rest does not count then. */
  readonly promiscuous: boolean;
  readonly allMulticast: boolean;
  /** Unicast, multicast and broadcast ones, in this order. */
  readonly addresses: readonly MacAddress[];
}
