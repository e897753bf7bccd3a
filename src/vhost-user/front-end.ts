/**
 * What a front-end says to a back-end, and in which order (vhost-user, "Communication"; the order that SPDK, libvhost-user and
 * rust-vmm all take): get to know it, start its rings when the driver is ready, stop them before their memory is used for
 * something else. It knows no device type.
 */
import { VHOST_F_LOG_ALL, VHOST_VRING_F_LOG } from '../abi/vhost.ts';
import {
  VIRTIO_CONFIG_S_ACKNOWLEDGE,
  VIRTIO_CONFIG_S_DRIVER,
  VIRTIO_CONFIG_S_DRIVER_OK,
  VIRTIO_CONFIG_S_FEATURES_OK,
  VIRTIO_F_ACCESS_PLATFORM,
  VIRTIO_F_VERSION_1,
} from '../abi/virtio.ts';
import { bit } from '../base/bits.ts';
import type { EventFd } from '../host/eventfd.ts';
import type { Fd } from '../host/fd.ts';
import { UnixSocket } from '../host/unix-socket.ts';
import { features, hasFeature } from '../virtio/features.ts';
import type { QueueSetup } from '../virtio/queue-registers.ts';
import type { Conversation, Steps } from './conversation.ts';
import type { InflightMemory } from './inflight.ts';
import { ADDRESS_END } from './memory-table.ts';
import { PeerFault } from './peer-fault.ts';
import {
  VHOST_USER_F_PROTOCOL_FEATURES,
  VHOST_USER_PROTOCOL_F_BACKEND_REQ,
  VHOST_USER_PROTOCOL_F_BACKEND_SEND_FD,
  VHOST_USER_PROTOCOL_F_CONFIG,
  VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS,
  VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD,
  VHOST_USER_PROTOCOL_F_MQ,
  VHOST_USER_PROTOCOL_F_REPLY_ACK,
  VHOST_USER_PROTOCOL_F_RESET_DEVICE,
  VHOST_USER_PROTOCOL_F_SHMEM,
  VHOST_USER_PROTOCOL_F_STATUS,
} from './protocol-features.ts';
import type { Body, FRONT_END_REQUESTS } from './requests.ts';

/** What is agreed to where the back-end offers it: only what is done here, since a back-end acts on what we accept. */
export const OUR_PROTOCOL_FEATURES = features(
  VHOST_USER_PROTOCOL_F_MQ,
  VHOST_USER_PROTOCOL_F_REPLY_ACK,
  VHOST_USER_PROTOCOL_F_BACKEND_REQ,
  VHOST_USER_PROTOCOL_F_CONFIG,
  VHOST_USER_PROTOCOL_F_RESET_DEVICE,
  VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS,
  VHOST_USER_PROTOCOL_F_STATUS,
  VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD,
  VHOST_USER_PROTOCOL_F_BACKEND_SEND_FD,
  VHOST_USER_PROTOCOL_F_SHMEM,
);
const LOG_ALL = features(VHOST_F_LOG_ALL);
const PROTOCOL = features(VHOST_USER_F_PROTOCOL_FEATURES);
/** Between driver and transport it says where rings and buffers are; a back-end would ask us for translations ("IOMMU support"). */
const PLATFORM = features(VIRTIO_F_ACCESS_PLATFORM);
/** As many regions as every back-end takes that cannot say how many it takes (libvhost-user, passt). */
const REGIONS_MAX = 8;
/** "SET_VRING_BASE" of a new ring: indices 0, and for a packed one both wrap counters 1 (virtio 1.4 §2.8.1), bits 15 and 31. */
export const NEW_SPLIT_BASE = 0;
export const NEW_PACKED_BASE = 0x8000_8000;
/** What Status reads once the driver works. */
const DRIVER_OK =
  VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK;

type Requests = typeof FRONT_END_REQUESTS;

/** Guest memory that the back-end maps: a whole file, at a guest address. */
export interface SharedRegion {
  readonly base: number;
  readonly size: number;
  readonly fd: Fd;
}

export interface BackEndFacts {
  /** All that it offers, bits of rings and transport too. */
  readonly features: bigint;
  readonly config: Uint8Array;
  /** Memory of its own that it may show to the guest (virtio 1.4 §2.10). */
  readonly sharedMemory: readonly SharedMemoryFacts[];
}

export interface SharedMemoryFacts {
  readonly id: number;
  readonly size: bigint;
}

export interface Wanted {
  /** Queues that the back-end serves. */
  readonly queueCount: number;
  /** What it has to say of them at least, in its own way of counting; absent, as many as there are. */
  readonly queueCountMin?: number;
  /** What is agreed to beside what every VM agrees to. */
  readonly protocolFeatures?: bigint;
  /** So many, that a back-end which cannot be asked for its queues has fewer. */
  readonly isMany?: boolean;
  /** Bytes of config space that the back-end has to have; 0 if they are none of its business. */
  readonly configSize: number;
  /** It says on a connection of its own what is shown (GPU_SET_SOCKET). */
  readonly hasDisplay?: boolean;
}

/** Who takes over our ends of its connections. */
export interface Openings {
  channel(socket: UnixSocket): void;
  display(socket: UnixSocket): void;
}

/** A queue, what the driver signals when there is something in it, and what interrupts the driver. */
export interface Ring {
  readonly setup: QueueSetup;
  readonly kick: EventFd;
  readonly call: EventFd;
  /** Where the back-end begins. */
  readonly base: number;
  /** It waits for `enable`. */
  readonly isDisabled?: boolean;
}

/** Memory in which the back-end notes what it writes ("Migration"). */
export interface LogMemory {
  readonly fd: Fd;
  readonly size: number;
}

export interface Start {
  readonly rings: readonly Ring[];
  /** What the driver has accepted. */
  readonly features: bigint;
  readonly inflight: InflightMemory;
  /** Only for a back-end that has a log (VHOST_F_LOG_ALL), and agreed on LOG_SHMFD. */
  readonly log?: LogMemory | undefined;
  /** A ring may run from now on: the back-end may have something in hand. */
  began?(): void;
}

export class FrontEnd {
  readonly #conversation: Conversation;
  readonly #memory: readonly SharedRegion[];
  readonly #wanted: Wanted;
  #features = 0n;
  #protocolFeatures = 0n;
  #hasMemory = false;
  #started: readonly number[] = [];

  constructor(conversation: Conversation, memory: readonly SharedRegion[], wanted: Wanted) {
    this.#conversation = conversation;
    this.#memory = memory;
    this.#wanted = wanted;
  }

  /**
   * Finds out what the back-end is; the first that it hears. Features are accepted later, by the driver. `open` is given our ends
   * of the connections on which the back-end asks, if there are any.
   */
  *probe(open: Openings): Steps<BackEndFacts> {
    yield* this.#tell('SET_OWNER', undefined);
    this.#features = yield* this.#conversation.ask('GET_FEATURES', undefined);
    if (!hasFeature(this.#features, VIRTIO_F_VERSION_1)) {
      throw new PeerFault('it does not offer VIRTIO_F_VERSION_1: it speaks only the legacy interface');
    }
    if (hasFeature(this.#features, VHOST_USER_F_PROTOCOL_FEATURES)) {
      const offered = yield* this.#conversation.ask('GET_PROTOCOL_FEATURES', undefined);
      const accepted = offered & (OUR_PROTOCOL_FEATURES | (this.#wanted.protocolFeatures ?? 0n));
      yield* this.#tell('SET_PROTOCOL_FEATURES', accepted);
      this.#protocolFeatures = accepted;
    }
    if (this.#has(VHOST_USER_PROTOCOL_F_BACKEND_REQ)) yield* this.#give('SET_BACKEND_REQ_FD', open.channel);
    if (this.#wanted.hasDisplay) yield* this.#give('GPU_SET_SOCKET', open.display);
    yield* this.#checkQueueCount();
    yield* this.#checkRegionCount();
    const sharedMemory = yield* this.#readSharedMemory();
    return { features: this.#features, config: yield* this.readConfig(), sharedMemory };
  }

  /** The driver is ready (DRIVER_OK): the rings start, and are kicked for what was made available before. */
  *start({ rings, features: driverFeatures, inflight, log, began }: Start): Steps<void> {
    if (log) {
      const place = { size: BigInt(log.size), offset: 0n };
      yield* this.#conversation.ask('SET_LOG_BASE', place, [log.fd]);
    }
    const all = (driverFeatures & ~PLATFORM) | PROTOCOL | (log ? LOG_ALL : 0n);
    yield* this.#tell('SET_FEATURES', all & this.#features);
    yield* this.#giveMemory();
    for (const { setup } of rings) yield* this.#tell('SET_VRING_NUM', { index: setup.index, num: setup.size });
    yield* this.#giveInflight(rings, inflight);
    this.#started = rings.map(({ setup }) => setup.index);
    if (!this.#hasProtocol) began?.();
    for (const { setup, kick, call, base } of rings) {
      const { index } = setup;
      yield* this.#tell('SET_VRING_ADDR', addressesOf(setup, log !== undefined));
      yield* this.#tell('SET_VRING_BASE', { index, num: base });
      yield* this.#tell('SET_VRING_CALL', { index, hasFd: true }, [call]);
      yield* this.#tell('SET_VRING_KICK', { index, hasFd: true }, [kick]);
    }
    const enabled = rings.filter(({ isDisabled = false }) => !isDisabled);
    began?.();
    yield* this.#setEnabled(enabled, true);
    if (this.#has(VHOST_USER_PROTOCOL_F_STATUS)) yield* this.#tell('SET_STATUS', BigInt(DRIVER_OK));
    for (const { kick } of enabled) kick.signalShared();
  }

  /** Of the rings that were started these run from now on, with what was made available before, and the others do not. */
  *enable(rings: readonly Ring[]): Steps<void> {
    const [off, on] = [rings.filter(({ isDisabled }) => isDisabled), rings.filter(({ isDisabled }) => !isDisabled)];
    yield* this.#setEnabled(off, false);
    yield* this.#setEnabled(on, true);
    for (const { kick } of on) kick.signalShared();
  }

  /** Stops what was started. When it is through, the back-end touches no guest memory until the next start. */
  *stop(): Steps<void> {
    for (const index of this.#started.slice()) yield* this.stopRing(index);
    if (this.#has(VHOST_USER_PROTOCOL_F_STATUS)) yield* this.#tell('SET_STATUS', 0n);
    if (this.#has(VHOST_USER_PROTOCOL_F_RESET_DEVICE)) yield* this.#tell('RESET_DEVICE', undefined);
  }

  *#setEnabled(rings: readonly Ring[], isEnabled: boolean): Steps<void> {
    if (!this.#hasProtocol) return;
    for (const { setup } of rings) {
      yield* this.#tell('SET_VRING_ENABLE', { index: setup.index, num: isEnabled ? 1 : 0 });
    }
  }

  /** Stops one ring. The back-end finishes what it has begun first. Returns where it stands; undefined if it was not started. */
  *stopRing(index: number): Steps<number | undefined> {
    if (!this.#started.includes(index)) return undefined;
    if (this.#hasProtocol) yield* this.#tell('SET_VRING_ENABLE', { index, num: 0 });
    const base = yield* this.#conversation.ask('GET_VRING_BASE', { index, num: 0 });
    if (base.index !== index) throw new PeerFault(`it stops ring ${base.index} where ring ${index} was meant`);
    this.#started = this.#started.filter((other) => other !== index);
    return base.num;
  }

  /** Always all of it: some back-ends do not look at the offset, others read past their end when it is not 0. */
  *readConfig(): Steps<Uint8Array> {
    const size = this.#wanted.configSize;
    if (size === 0) return new Uint8Array();
    if (!this.#has(VHOST_USER_PROTOCOL_F_CONFIG)) {
      throw new PeerFault('it has no config space to show (VHOST_USER_PROTOCOL_F_CONFIG)');
    }
    const wanted = { offset: 0, flags: 0, bytes: new Uint8Array(size) };
    const { offset, bytes } = yield* this.#conversation.ask('GET_CONFIG', wanted);
    if (offset !== 0 || bytes.length !== size) {
      throw new PeerFault(
        `it gives ${bytes.length} bytes of config space at ${offset}, where ${size} at 0 were asked for`,
      );
    }
    return bytes;
  }

  /** Flags 0: "writable fields"; some back-ends accept nothing else. */
  *writeConfig(offset: number, bytes: Uint8Array): Steps<void> {
    yield* this.#tell('SET_CONFIG', { offset, flags: 0, bytes });
  }

  *#give(request: 'SET_BACKEND_REQ_FD' | 'GPU_SET_SOCKET', open: (socket: UnixSocket) => void): Steps<void> {
    const [ours, theirs] = UnixSocket.pair("the back-end's channel");
    using _ = theirs;
    // As other front-ends give it: vhost-user-gpu takes a send that would have to wait for one that failed.
    theirs.setBlocking(true);
    open(ours);
    yield* this.#tell(request, undefined, [theirs]);
  }

  /** Only "true multiqueue devices" have to say how many there are ("Multiple queue support"). */
  *#checkQueueCount(): Steps<void> {
    const { queueCount, queueCountMin = queueCount, isMany = false } = this.#wanted;
    if (!this.#has(VHOST_USER_PROTOCOL_F_MQ)) {
      if (!isMany) return;
      throw new PeerFault(
        `it cannot have more queues than any has (VHOST_USER_PROTOCOL_F_MQ), and the device has ${queueCount}`,
      );
    }
    const count = yield* this.#conversation.ask('GET_QUEUE_NUM', undefined);
    if (count < queueCountMin) throw new PeerFault(`it has ${count} queues, and the device has ${queueCount}`);
  }

  *#checkRegionCount(): Steps<void> {
    const slots = this.#has(VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS)
      ? yield* this.#conversation.ask('GET_MAX_MEM_SLOTS', undefined)
      : BigInt(REGIONS_MAX);
    if (slots < this.#memory.length) {
      throw new PeerFault(`it maps ${slots} regions of guest memory, and there are ${this.#memory.length}`);
    }
  }

  /** Without a channel nothing could ever lie there. */
  *#readSharedMemory(): Steps<readonly SharedMemoryFacts[]> {
    if (!this.#has(VHOST_USER_PROTOCOL_F_SHMEM) || !this.#has(VHOST_USER_PROTOCOL_F_BACKEND_REQ)) return [];
    const sizes = yield* this.#conversation.ask('GET_SHMEM_CONFIG', undefined);
    const tooLarge = sizes.findIndex((size) => size >= ADDRESS_END);
    if (tooLarge !== -1) throw new PeerFault(`it has more shared memory than a guest can address (region ${tooLarge})`);
    return sizes.map((size, id) => ({ id, size })).filter(({ size }) => size > 0n);
  }

  /** Once: it keeps what it has mapped until the connection ends. */
  *#giveMemory(): Steps<void> {
    if (this.#hasMemory) return;
    const fds = this.#memory.map(({ fd }) => fd);
    const regions = this.#memory.map(({ base, size }) => {
      // A user address means nothing to the other end but the way from a ring's address to its place: guest addresses do.
      return { guest_address: BigInt(base), size: BigInt(size), user_address: BigInt(base), mmap_offset: 0n };
    });
    if (this.#has(VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS)) {
      for (const [index, region] of regions.entries()) yield* this.#tell('ADD_MEM_REG', region, [fds[index]!]);
    } else yield* this.#tell('SET_MEM_TABLE', regions, fds);
    this.#hasMemory = true;
  }

  /** What a back-end before this one had in hand, or new memory for what this one will have. */
  *#giveInflight(rings: readonly Ring[], inflight: InflightMemory): Steps<void> {
    if (!this.#has(VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD) || rings.length === 0) return;
    if (!inflight.kept) {
      const queue_size = Math.max(...rings.map(({ setup }) => setup.size));
      const wanted = { mmap_size: 0n, mmap_offset: 0n, num_queues: this.#wanted.queueCount, queue_size };
      yield* this.#conversation.askFor('GET_INFLIGHT_FD', wanted, (reply, fd) => inflight.keep(reply, fd));
    }
    const { description, fd } = inflight.kept!;
    yield* this.#tell('SET_INFLIGHT_FD', description, [fd]);
  }

  /** Before protocol features are agreed on, nothing is acknowledged. */
  #tell<Name extends keyof Requests>(name: Name, body: Body<Requests, Name>, fds: readonly Fd[] = []): Steps<void> {
    return this.#conversation.tell(name, body, fds, this.#has(VHOST_USER_PROTOCOL_F_REPLY_ACK));
  }

  #has(feature: number): boolean {
    return hasFeature(this.#protocolFeatures, feature);
  }

  /** Rings then begin disabled ("Ring states"). */
  get #hasProtocol(): boolean {
    return hasFeature(this.#features, VHOST_USER_F_PROTOCOL_FEATURES);
  }
}

/** All of a ring lies in guest RAM, which is one region. */
function addressesOf({ index, desc, driver, device }: QueueSetup, isLogged: boolean): Body<Requests, 'SET_VRING_ADDR'> {
  return {
    ...(isLogged
      ? { index, flags: bit(VHOST_VRING_F_LOG), log_guest_addr: BigInt(device) }
      : { index, flags: 0, log_guest_addr: 0n }),
    desc_user_addr: BigInt(desc),
    avail_user_addr: BigInt(driver),
    used_user_addr: BigInt(device),
  };
}
