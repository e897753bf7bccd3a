/** The control queue of a network card (virtio 1.4 §5.1.6.5): commands of the driver, each answered with OK or ERR. */
import { ETH_ALEN } from '../abi/tun.ts';
import {
  VIRTIO_NET_CTRL_ANNOUNCE,
  VIRTIO_NET_CTRL_ANNOUNCE_ACK,
  VIRTIO_NET_CTRL_GUEST_OFFLOADS,
  VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET,
  VIRTIO_NET_CTRL_MAC,
  VIRTIO_NET_CTRL_MAC_ADDR_SET,
  VIRTIO_NET_CTRL_MAC_TABLE_SET,
  VIRTIO_NET_CTRL_MQ,
  VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET,
  VIRTIO_NET_CTRL_RX,
  VIRTIO_NET_CTRL_RX_ALLMULTI,
  VIRTIO_NET_CTRL_RX_ALLUNI,
  VIRTIO_NET_CTRL_RX_NOBCAST,
  VIRTIO_NET_CTRL_RX_NOMULTI,
  VIRTIO_NET_CTRL_RX_NOUNI,
  VIRTIO_NET_CTRL_RX_PROMISC,
  VIRTIO_NET_ERR,
  VIRTIO_NET_F_CTRL_GUEST_OFFLOADS,
  VIRTIO_NET_F_CTRL_MAC_ADDR,
  VIRTIO_NET_F_CTRL_RX,
  VIRTIO_NET_F_CTRL_RX_EXTRA,
  VIRTIO_NET_F_GUEST_ANNOUNCE,
  VIRTIO_NET_F_MQ,
  VIRTIO_NET_OK,
  virtio_net_ctrl_hdr,
} from '../abi/virtio-net.ts';
import type { DescriptorChain } from '../virtio/chain.ts';
import { hasFeature } from '../virtio/features.ts';
import type { Virtqueue } from '../virtio/queue.ts';
import type { MacAddress, ReceiveFilter } from './network.ts';

/** A command has few descriptors, and only one is under way at a time. */
export const CONTROL_QUEUE_SIZE = 64;
/** More addresses than this are as good as all; a driver may name as many as fit into a command. */
const TABLE_ENTRIES_MAX = 64;
const BROADCAST = new Uint8Array(ETH_ALEN).fill(0xff);

/** What the commands change. */
export interface NetControlTarget {
  setFilter(filter: ReceiveFilter): void;
  setMac(mac: MacAddress): void;
  /** False when there are not so many. Undefined when it takes a while: then `later` says it, after this has returned. */
  setPairs(count: number, later: (isDone: boolean) => void): boolean | undefined;
  /** False when some of them were not negotiated. */
  setOffloads(features: bigint): boolean;
  announced(): void;
}

/** What the driver asks to see, after a reset everything (§5.1.6.5.1). */
interface ReceiveModes {
  promiscuous: boolean;
  allMulticast: boolean;
  allUnicast: boolean;
  noMulticast: boolean;
  noUnicast: boolean;
  noBroadcast: boolean;
  /** Undefined: more than we keep. */
  unicast: readonly MacAddress[] | undefined;
  multicast: readonly MacAddress[] | undefined;
}

const MODES: Readonly<Record<number, { mode: keyof ReceiveModes; feature: number }>> = {
  [VIRTIO_NET_CTRL_RX_PROMISC]: { mode: 'promiscuous', feature: VIRTIO_NET_F_CTRL_RX },
  [VIRTIO_NET_CTRL_RX_ALLMULTI]: { mode: 'allMulticast', feature: VIRTIO_NET_F_CTRL_RX },
  [VIRTIO_NET_CTRL_RX_ALLUNI]: { mode: 'allUnicast', feature: VIRTIO_NET_F_CTRL_RX_EXTRA },
  [VIRTIO_NET_CTRL_RX_NOMULTI]: { mode: 'noMulticast', feature: VIRTIO_NET_F_CTRL_RX_EXTRA },
  [VIRTIO_NET_CTRL_RX_NOUNI]: { mode: 'noUnicast', feature: VIRTIO_NET_F_CTRL_RX_EXTRA },
  [VIRTIO_NET_CTRL_RX_NOBCAST]: { mode: 'noBroadcast', feature: VIRTIO_NET_F_CTRL_RX_EXTRA },
};

/** §5.1.2: the control queue follows all pairs, and without VIRTIO_NET_F_MQ the first one. */
export function controlQueueIndex(pairs: number, negotiated: bigint): number {
  return hasFeature(negotiated, VIRTIO_NET_F_MQ) ? 2 * pairs : 2;
}

export class NetControl {
  readonly #target: NetControlTarget;
  readonly #features: bigint;
  readonly #queue: Virtqueue;
  readonly #header = new Uint8Array(virtio_net_ctrl_hdr.size);
  readonly #modes: ReceiveModes = {
    promiscuous: true,
    allMulticast: false,
    allUnicast: false,
    noMulticast: false,
    noUnicast: false,
    noBroadcast: false,
    unicast: [],
    multicast: [],
  };
  #mac: MacAddress;
  /** A command that is being carried out: the next one waits for its end. */
  #held: DescriptorChain | undefined;

  /** `features`: those negotiated. */
  constructor(target: NetControlTarget, features: bigint, queue: Virtqueue, mac: MacAddress) {
    this.#target = target;
    this.#features = features;
    this.#queue = queue;
    this.#mac = mac;
  }

  run(): void {
    for (let chain = this.#next(); chain; chain = this.#next()) {
      const isDone = chain.read(this.#header) === this.#header.length && this.#carryOut(chain);
      if (isDone === undefined) this.#held = chain;
      else answer(chain, isDone);
    }
    this.#queue.signal();
  }

  #next(): DescriptorChain | undefined {
    return this.#held ? undefined : this.#queue.pop();
  }

  #answerHeld(isDone: boolean): void {
    const chain = this.#held!;
    this.#held = undefined;
    answer(chain, isDone);
    this.run();
  }

  #carryOut(chain: DescriptorChain): boolean | undefined {
    const { fields } = virtio_net_ctrl_hdr;
    const command = this.#header[fields.cmd.offset]!;
    switch (this.#header[fields.class.offset]) {
      case VIRTIO_NET_CTRL_RX:
        return this.#setMode(command, chain);
      case VIRTIO_NET_CTRL_MAC:
        if (command === VIRTIO_NET_CTRL_MAC_TABLE_SET) return this.#setTables(chain);
        return command === VIRTIO_NET_CTRL_MAC_ADDR_SET && this.#setMac(chain);
      case VIRTIO_NET_CTRL_MQ: {
        const count = this.#has(VIRTIO_NET_F_MQ) && command === VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET && take(chain, 2);
        if (!count) return false;
        return this.#target.setPairs(count.getUint16(0, true), (isDone) => this.#answerHeld(isDone));
      }
      case VIRTIO_NET_CTRL_GUEST_OFFLOADS: {
        const isKnown = this.#has(VIRTIO_NET_F_CTRL_GUEST_OFFLOADS) && command === VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET;
        const offloads = isKnown && take(chain, 8);
        return offloads ? this.#target.setOffloads(offloads.getBigUint64(0, true)) : false;
      }
      case VIRTIO_NET_CTRL_ANNOUNCE: {
        const isKnown = this.#has(VIRTIO_NET_F_GUEST_ANNOUNCE) && command === VIRTIO_NET_CTRL_ANNOUNCE_ACK;
        if (isKnown) this.#target.announced();
        return isKnown;
      }
      default:
        return false;
    }
  }

  #setMode(command: number, chain: DescriptorChain): boolean {
    const known = MODES[command];
    const value = known && this.#has(known.feature) && take(chain, 1);
    if (!value) return false;
    Object.assign(this.#modes, { [known.mode]: value.getUint8(0) !== 0 });
    this.#filter();
    return true;
  }

  /** Two tables, each a count and so many addresses: unicast, then multicast (§5.1.6.5.2). */
  #setTables(chain: DescriptorChain): boolean {
    if (!this.#has(VIRTIO_NET_F_CTRL_RX)) return false;
    const unicast = readTable(chain);
    const multicast = unicast && readTable(chain);
    if (!multicast) return false;
    this.#modes.unicast = unicast.addresses;
    this.#modes.multicast = multicast.addresses;
    this.#filter();
    return true;
  }

  #setMac(chain: DescriptorChain): boolean {
    const mac = this.#has(VIRTIO_NET_F_CTRL_MAC_ADDR) && take(chain, ETH_ALEN);
    if (!mac) return false;
    this.#mac = new Uint8Array(mac.buffer);
    this.#target.setMac(this.#mac);
    this.#filter();
    return true;
  }

  #filter(): void {
    const modes = this.#modes;
    this.#target.setFilter({
      promiscuous: modes.promiscuous || (!modes.noUnicast && (modes.allUnicast || modes.unicast === undefined)),
      allMulticast: !modes.noMulticast && (modes.allMulticast || modes.multicast === undefined),
      addresses: [
        ...(modes.noUnicast ? [] : [this.#mac, ...(modes.unicast ?? [])]),
        ...(modes.noBroadcast ? [] : [BROADCAST]),
        ...(modes.noMulticast ? [] : (modes.multicast ?? [])),
      ],
    });
  }

  #has(feature: number): boolean {
    return hasFeature(this.#features, feature);
  }
}

/** The last writable byte is the answer; a driver that leaves no room for it wants none. */
function answer(chain: DescriptorChain, isDone: boolean): void {
  if (chain.writableLength > 0) {
    chain.writeAt(chain.writableLength - 1, Uint8Array.of(isDone ? VIRTIO_NET_OK : VIRTIO_NET_ERR));
  }
  chain.complete(chain.writableLength);
}

/** The next `count` bytes of a command; undefined when it is shorter. */
function take(chain: DescriptorChain, count: number): DataView<ArrayBuffer> | undefined {
  const bytes = new Uint8Array(count);
  return chain.read(bytes) === count ? new DataView(bytes.buffer) : undefined;
}

/** `addresses` is undefined when there are more than we keep; nothing at all when the command is shorter than it says. */
function readTable(chain: DescriptorChain): { addresses: MacAddress[] | undefined } | undefined {
  const count = take(chain, 4)?.getUint32(0, true);
  if (count === undefined || count * ETH_ALEN > chain.readLeft) return undefined;
  if (count > TABLE_ENTRIES_MAX) {
    chain.skipRead(count * ETH_ALEN);
    return { addresses: undefined };
  }
  return { addresses: Array.from({ length: count }, () => new Uint8Array(take(chain, ETH_ALEN)!.buffer)) };
}
