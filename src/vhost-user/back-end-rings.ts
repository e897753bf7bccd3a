/**
 * The rings of a back-end, guest memory and the notes of what is in hand: what the requests about them do, and when a ring
 * runs. A device has a ring while it is started, enabled and in guest memory; memory changes while none runs.
 */
import { VIRTIO_F_RING_PACKED, vring_used } from '../abi/virtio.ts';
import type { Fd } from '../host/fd.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import { hasFeature } from '../virtio/features.ts';
import type { QueueNotes, WriteLog } from '../virtio/queue.ts';
import type { QueueSetup } from '../virtio/queue-registers.ts';
import type { RingPosition, RingStand } from '../virtio/ring.ts';
import { BackEndRing, type SignalLoop } from './back-end-ring.ts';
import { DirtyLog } from './dirty-log.ts';
import { type InflightDescription, InflightNotes, type QueueInflight } from './inflight-notes.ts';
import { MemoryTable } from './memory-table.ts';
import type { MemoryRegion, VringAddress } from './payload.ts';
import { PeerFault } from './peer-fault.ts';

/** A base holds indices of 16 bits: a split ring's in the lower half, a packed ring's in both ("SET_VRING_BASE"). */
const HALF_MASK = 0xffff;
const HALF_BITS = 16;

/** A ring that a device is given. */
export interface RunningRing extends QueueSetup {
  readonly start: RingPosition;
  readonly notes: QueueNotes | undefined;
  readonly log?: WriteLog;
}

/** What runs rings: a device behind its host (src/io/exported-device.ts). */
export interface RingRunner {
  /** `features`: what the driver has accepted. The ring is looked at at once. */
  startRing(ring: RunningRing, features: bigint): void;
  /** What was begun is finished first. Where the ring stands. */
  stopRing(index: number): RingStand;
  /** The driver's notification of ring `index` has arrived. */
  kicked(index: number): void;
}

interface World {
  readonly loop: SignalLoop;
  readonly memory: GuestMemory;
  readonly runner: RingRunner;
  log(message: string): void;
}

export class BackEndRings implements Disposable {
  readonly #world: World;
  readonly #rings: readonly BackEndRing[];
  readonly #table: MemoryTable;
  readonly #log = new DirtyLog();
  #notes: InflightNotes | undefined;
  #hasWarned = false;
  /** What the driver has accepted. */
  #features = 0n;

  constructor(count: number, world: World) {
    this.#world = world;
    this.#rings = Array.from({ length: count }, (_, index) => new BackEndRing(index));
    this.#table = new MemoryTable(world.memory);
  }

  get areRunning(): boolean {
    return this.#rings.some(({ isRunning }) => isRunning);
  }

  get features(): bigint {
    return this.#features;
  }

  /** "SET_FEATURES". Without protocol features rings are enabled from the start. */
  setFeatures(features: bigint, areEnabled: boolean): void {
    if (features !== this.#features && this.areRunning) {
      throw new PeerFault('it changes the features (SET_FEATURES) while rings run');
    }
    this.#features = features;
    if (areEnabled) for (const ring of this.#rings) ring.isEnabled = true;
  }

  /** "SET_LOG_BASE", "SET_LOG_FD", and VHOST_F_LOG_ALL, which may come and go while rings run. */
  setLog(offset: bigint, size: bigint, fd: Fd): void {
    this.#log.replace(offset, size, fd);
    this.#log.checkHolds(this.#table.end);
  }

  /** Takes over `fd`. */
  setLogEvent(fd: Fd): void {
    this.#log.setEvent(fd);
  }

  setLogging(isOn: boolean): void {
    this.#log.isWanted = isOn;
    this.#log.checkHolds(this.#table.end);
  }

  // ── guest memory ──

  setMemory(regions: readonly MemoryRegion[], fds: readonly Fd[]): void {
    this.#whileStopped(() => this.#table.replace(regions, fds));
    this.#log.checkHolds(this.#table.end);
  }

  addMemory(region: MemoryRegion, fd: Fd): void {
    this.#table.add(region, fd);
    this.#log.checkHolds(this.#table.end);
  }

  removeMemory(region: MemoryRegion): void {
    this.#whileStopped(() => this.#table.remove(region));
  }

  /** Takes effect with the rings that are started later. */
  setInflight(description: InflightDescription, fd: Fd): void {
    const notes = new InflightNotes(description, fd);
    this.#whileStopped(() => {
      this.#notes?.[Symbol.dispose]();
      this.#notes = notes;
    });
  }

  // ── one ring ──

  setSize(index: number, size: number): void {
    this.#stoppedRing(index, 'SET_VRING_NUM').size = size;
  }

  /** Of a ring that runs only what belongs to the log may change. */
  setAddresses(addresses: VringAddress): void {
    const known = this.#ring(addresses.index);
    const ring = known.isAt(addresses) ? known : this.#stoppedRing(addresses.index, 'SET_VRING_ADDR');
    this.#places(ring, addresses);
    ring.addresses = addresses;
  }

  setBase(index: number, base: number): void {
    this.#stoppedRing(index, 'SET_VRING_BASE').base = base;
  }

  /** Takes over `fd`. */
  setKick(index: number, fd: Fd): void {
    const ring = this.#ring(index);
    ring.setKick(fd, this.#world.loop, () => this.#world.runner.kicked(index));
    this.#update(ring);
  }

  setCall(index: number, fd: Fd | undefined): void {
    this.#ring(index).setCall(fd);
  }

  setError(index: number, fd: Fd | undefined): void {
    this.#ring(index).setError(fd);
  }

  setEnabled(index: number, isEnabled: boolean): void {
    const ring = this.#ring(index);
    ring.isEnabled = isEnabled;
    this.#update(ring);
  }

  /** "GET_VRING_BASE": where it stands, stopped. */
  stop(index: number): number {
    const ring = this.#ring(index);
    this.#halt(ring);
    ring.stop();
    return ring.base;
  }

  interrupt(index: number): void {
    this.#rings[index]?.interrupt();
  }

  /** The driver has broken the device. */
  reportError(): void {
    for (const ring of this.#rings) if (ring.isRunning) ring.reportError();
  }

  /** No ring is enabled, and so none runs. */
  disable(): void {
    for (const ring of this.#rings) {
      this.#halt(ring);
      ring.isEnabled = false;
    }
  }

  #ring(index: number): BackEndRing {
    const ring = this.#rings[index];
    if (!ring) throw new PeerFault(`it speaks of ring ${index}, and there are ${this.#rings.length}`);
    return ring;
  }

  #stoppedRing(index: number, request: string): BackEndRing {
    const ring = this.#ring(index);
    if (ring.isRunning) throw new PeerFault(`it sends ${request} for ring ${index}, which runs`);
    return ring;
  }

  #whileStopped(work: () => void): void {
    const running = this.#rings.filter(({ isRunning }) => isRunning);
    for (const ring of running) this.#halt(ring);
    work();
    for (const ring of running) this.#update(ring);
  }

  #update(ring: BackEndRing): void {
    if (ring.isReady && !ring.isRunning) this.#run(ring);
    else if (!ring.isReady) this.#halt(ring);
  }

  #run(ring: BackEndRing): void {
    const places = this.#places(ring, ring.addresses!);
    const notes = this.#notesOf(ring);
    const start = notes ? this.#resume(places, notes.resume.bind(notes)) : this.#startOf(ring);
    ring.isRunning = true;
    const log = this.#log.ofRing(ring.size, () => ring.addresses!);
    this.#world.runner.startRing({ ...places, start, notes, log }, this.#features);
  }

  /**
   * QEMU (10.0) asks for notes of 128 entries for each queue of a disk and then has rings of 1024: those have none, and whoever
   * serves them after us begins with what was not given back.
   */
  #notesOf({ index, size }: BackEndRing): QueueInflight | undefined {
    const notes = this.#notes?.queue(index, size);
    if (this.#notes && !notes && !this.#hasWarned) {
      this.#hasWarned = true;
      this.#world.log(
        `queue ${index} of ${size} entries is too large for the notes of requests in hand: there are none`,
      );
    }
    return notes;
  }

  #halt(ring: BackEndRing): void {
    if (!ring.isRunning) return;
    ring.isRunning = false;
    const { avail, used } = this.#world.runner.stopRing(ring.index);
    ring.base = this.#isPacked ? (avail | (used << HALF_BITS)) >>> 0 : avail;
  }

  get #isPacked(): boolean {
    return hasFeature(this.#features, VIRTIO_F_RING_PACKED);
  }

  /** A split ring's used index stands in the ring. */
  #startOf({ base }: BackEndRing): RingPosition {
    return { avail: base & HALF_MASK, used: this.#isPacked ? base >>> HALF_BITS : undefined };
  }

  /** Those that were in hand come first; all after them in the available ring nobody has taken. */
  #resume({ device }: QueueSetup, resume: (usedIdx: number) => readonly number[]): RingPosition {
    const { idx } = vring_used.fields;
    const used = this.#world.memory.view(device + idx.offset, idx.size).getUint16(0, true);
    const outstanding = resume(used);
    return { avail: (used + outstanding.length) & HALF_MASK, used, outstanding };
  }

  #places({ index, size }: BackEndRing, addresses: VringAddress): QueueSetup {
    const place = (what: string, address: bigint) => this.#table.guestAddress(address, `the ${what} of ring ${index}`);
    return {
      ...{ index, size },
      desc: place('descriptor table', addresses.desc_user_addr),
      driver: place('available ring', addresses.avail_user_addr),
      device: place('used ring', addresses.used_user_addr),
    };
  }

  /** Whoever ran rings has stopped already. */
  [Symbol.dispose](): void {
    for (const ring of this.#rings) ring[Symbol.dispose]();
    this.#notes?.[Symbol.dispose]();
    this.#log[Symbol.dispose]();
    this.#table[Symbol.dispose]();
  }
}
