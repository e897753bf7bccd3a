/** A driver without a guest: rings in memory of ours, and the front-end of every VM between them and the back-end. */
import { VIRTIO_F_VERSION_1, VIRTIO_RING_F_INDIRECT_DESC } from '../abi/virtio.ts';
import { EventFd } from '../host/eventfd.ts';
import type { LogMemory } from '../vhost-user/front-end.ts';
import { InflightMemory } from '../vhost-user/inflight.ts';
import type { PeerFault } from '../vhost-user/peer-fault.ts';
import { VHOST_USER_PROTOCOL_F_LOG_SHMFD } from '../vhost-user/protocol-features.ts';
import { Session } from '../vhost-user/session.ts';
import { features as mask } from '../virtio/features.ts';
import type { Bench } from './bench.ts';
import { DriverRing } from './driver-ring.ts';
import { MEMORY_BASE, MEMORY_BYTES, TestMemory } from './memory.ts';

/** Where nobody knows how many queues the type has. */
const QUEUES_DEFAULT = 1;

export interface GuestOptions {
  /** Where both indices of every ring begin. */
  readonly start?: number;
  /** The back-end notes in it what it writes. */
  readonly log?: LogMemory;
}

export class Guest implements Disposable {
  readonly memory: TestMemory;
  readonly rings: readonly DriverRing[];
  /** What was accepted by `start`, unless the caller says otherwise. */
  readonly features: bigint;
  readonly #bench: Bench;
  readonly #start: number;
  readonly #log: LogMemory | undefined;
  readonly #session: Session;
  readonly #kicks: readonly EventFd[];
  readonly #call: EventFd;
  readonly #inflight: InflightMemory;
  readonly #resources = new DisposableStack();
  #fault: PeerFault | undefined;

  constructor(bench: Bench, { start = 0, log }: GuestOptions) {
    using resources = new DisposableStack();
    const { facts, target, timeoutMs } = bench;
    this.#bench = bench;
    this.#start = start;
    this.#log = log;
    this.memory = resources.use(new TestMemory());
    const queueCount = facts.known?.profile.queueSizes.length ?? QUEUES_DEFAULT;
    this.rings = Array.from({ length: queueCount }, (_, index) => new DriverRing(this.memory, index, start));
    this.#kicks = this.rings.map(() => resources.use(EventFd.create()));
    this.#call = resources.use(EventFd.create());
    this.#inflight = resources.use(new InflightMemory());
    this.features = facts.features & mask(VIRTIO_F_VERSION_1, VIRTIO_RING_F_INDIRECT_DESC);
    this.#session = resources.use(
      new Session(target.connect(), {
        ...{ loop: target.loop, timeoutMs },
        memory: [{ base: MEMORY_BASE, size: MEMORY_BYTES, fd: this.memory.fd }],
        wanted: { queueCount, configSize: 0, protocolFeatures: log ? mask(VHOST_USER_PROTOCOL_F_LOG_SHMFD) : 0n },
        onConfig: () => {},
        onEnd: (fault) => {
          this.#fault = fault;
        },
      }),
    );
    this.#resources = resources.move();
    try {
      this.#settle((settle) => this.#session.probe(settle));
    } catch (error) {
      this.#resources.dispose();
      throw error;
    }
  }

  /** A PeerFault when the back-end does not take it. `base`: where all rings stand. */
  start(features = this.features, base = this.#start): void {
    const rings = this.rings.map(({ setup }) => ({ setup, kick: this.#kicks[setup.index]!, call: this.#call, base }));
    const start = { rings, features, inflight: this.#inflight, log: this.#log };
    this.#settle((settle) => this.#session.start(start, settle));
  }

  stop(): void {
    this.#settle((settle) => this.#session.stop(settle));
  }

  /** Where the ring stands. */
  stopRing(index: number): number {
    return this.#settle<number | undefined>((settle) => this.#session.stopRing(index, settle))!;
  }

  kick(index: number): void {
    this.#kicks[index]!.signalShared();
  }

  /** Whether the driver was interrupted since the last call. */
  takeCall(): boolean {
    return this.#call.take() > 0n;
  }

  /** Turns the loop until the condition holds; false when it does not within `timeoutMs`. */
  until(condition: () => boolean, timeoutMs = this.#bench.timeoutMs): boolean {
    const deadline = performance.now() + timeoutMs;
    while (!condition()) {
      if (performance.now() > deadline) return false;
      const cancel = this.#bench.target.loop.after(1, () => {});
      this.#bench.target.loop.turn();
      cancel();
    }
    return true;
  }

  /** Why the connection is over, if it is. */
  get fault(): PeerFault | undefined {
    return this.#fault;
  }

  /** The session has its own limit of time. */
  #settle<Result>(begin: (settle: (result: Result | undefined) => void) => void): Result | undefined {
    let outcome: { readonly result: Result | undefined } | undefined;
    begin((result) => {
      outcome = { result };
    });
    while (outcome === undefined) this.until(() => outcome !== undefined);
    if (this.#fault) throw this.#fault;
    return outcome.result;
  }

  [Symbol.dispose](): void {
    this.#resources.dispose();
  }
}
