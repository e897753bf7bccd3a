/**
 * Our front-end and our back-end with a device of ours, connected by a real socket pair, on one loop: guest RAM is a memfd that
 * each side has mapped for itself. The driver is a test's.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VIRTIO_F_VERSION_1 } from '../../src/abi/virtio.ts';
import { MiB } from '../../src/base/units.ts';
import { EXPORTED_TYPES, type ExportedTypeName, readExported } from '../../src/config/exported-types.ts';
import { readSet } from '../../src/config/yaml.ts';
import { EventFd } from '../../src/host/eventfd.ts';
import type { Fd } from '../../src/host/fd.ts';
import { createMemfd, Mapping } from '../../src/host/mapping.ts';
import { UnixSocket } from '../../src/host/unix-socket.ts';
import { createDevice } from '../../src/io/device-registry.ts';
import { ExportedDevice } from '../../src/io/exported-device.ts';
import { GuardedLoop } from '../../src/io/guarded-loop.ts';
import { EpollLoop } from '../../src/io/io-loop.ts';
import { GuestMemory } from '../../src/memory/guest-memory.ts';
import { BackEnd } from '../../src/vhost-user/back-end.ts';
import type { BackEndFacts, LogMemory, Wanted } from '../../src/vhost-user/front-end.ts';
import { InflightMemory } from '../../src/vhost-user/inflight.ts';
import type { PeerFault } from '../../src/vhost-user/peer-fault.ts';
import { Session } from '../../src/vhost-user/session.ts';
import type { VirtioDevice } from '../../src/virtio/device.ts';
import { features } from '../../src/virtio/features.ts';
import { DriverQueue } from './driver.ts';
import { GuestRam } from './guest-ram.ts';
import { RAM_BASE } from './session-rig.ts';

const WAIT_MS = 5_000;
export const RAM_SIZE = 8 * MiB;
const QUEUE_SIZE = 16;

/** A device of ours for a back-end: the keys as `orko-vmm backend` gets them. */
export class ExportRig implements Disposable {
  readonly loop = new EpollLoop();
  readonly folder = mkdtempSync(join(tmpdir(), 'orko-export-'));
  readonly memory = new GuestMemory([]);
  readonly faults: string[] = [];
  /** What the back-end had to say. */
  readonly messages: string[] = [];
  readonly resources = new DisposableStack();
  device!: VirtioDevice;
  exported!: ExportedDevice;
  backEnd: BackEnd | undefined;
  /** Why the last connection has ended, as the back-end sees it. */
  ended: PeerFault | undefined;

  static async create(type: ExportedTypeName, keys: Readonly<Record<string, string>> = {}): Promise<ExportRig> {
    const rig = new ExportRig();
    rig.resources.use(rig.loop);
    rig.resources.defer(() => rmSync(rig.folder, { recursive: true }));
    const values = new Map(Object.entries(keys).map(([key, value]) => [key, readSet(value)]));
    const guardedLoop = new GuardedLoop(rig.loop);
    const { loop, memory } = rig;
    const parsed = readExported(type, 'dev', values, (path) => path);
    rig.device = await createDevice(parsed, { name: 'dev', loop: guardedLoop, memory, log() {} });
    const { queueCountMin = 0, keepsNotes = false, hidesConfig = false } = EXPORTED_TYPES[type];
    rig.exported = rig.resources.use(
      new ExportedDevice(rig.device, {
        ...{ loop, guardedLoop, memory, queueCountMin, keepsNotes, hidesConfig, packed: parsed.packed === 'on' },
        user: {
          interrupt: (index) => rig.backEnd?.interrupt(index),
          configChanged: () => rig.backEnd?.configChanged(),
          faulted: (reason) => {
            rig.faults.push(reason);
            rig.backEnd?.faulted();
          },
        },
      }),
    );
    rig.resources.defer(() => rig.backEnd?.[Symbol.dispose]());
    return rig;
  }

  /** Serves what is at the other end of a socket pair, which is returned. */
  connect(): UnixSocket {
    const [ours, theirs] = UnixSocket.pair('a test');
    this.ended = undefined;
    const { loop, memory, exported } = this;
    this.backEnd = new BackEnd(ours, {
      ...{ loop, memory, device: exported },
      log: (message) => void this.messages.push(message),
      onEnd: (fault) => {
        this.backEnd = undefined;
        this.ended = fault;
      },
    });
    return theirs;
  }

  until(condition: () => boolean, what: string): void {
    const deadline = performance.now() + WAIT_MS;
    while (!condition()) {
      if (performance.now() > deadline) throw new Error(`waited in vain for ${what}; ${this.ended ?? ''}`);
      const cancel = this.loop.after(1, () => {});
      this.loop.turn();
      cancel();
    }
  }

  /** What `look` finds, once it finds something. */
  got<Found>(look: () => Found | undefined, what: string): Found {
    let found: Found | undefined;
    this.until(() => {
      found ??= look();
      return found !== undefined;
    }, what);
    return found!;
  }

  [Symbol.dispose](): void {
    this.resources.dispose();
  }
}

/** A VMM of ours and its guest's driver, at a device of an ExportRig or at whatever else is at the other end of a socket. */
export class FrontEndRig implements Disposable {
  readonly ram: GuestRam;
  readonly call: EventFd;
  readonly configs: Uint8Array[] = [];
  fault: PeerFault | undefined;
  queues: readonly DriverQueue[] = [];
  readonly kicks: EventFd[] = [];
  readonly inflight: InflightMemory;
  #session!: Session;
  #disposeSession = () => {};
  /** Guest RAM, for other processes. */
  readonly fd: Fd;
  readonly #resources = new DisposableStack();
  readonly #host: Pick<ExportRig, 'loop' | 'until'>;
  readonly #wanted: Wanted;

  constructor(host: Pick<ExportRig, 'loop' | 'until'>, wanted: Wanted) {
    this.#host = host;
    this.#wanted = wanted;
    this.fd = this.#resources.use(createMemfd('test', RAM_SIZE));
    const { buffer, pointer } = this.#resources.use(Mapping.create(RAM_SIZE, { what: 'a test', fd: this.fd }));
    this.ram = new GuestRam({ base: RAM_BASE, buffer, pointer });
    this.call = this.#resources.use(EventFd.create());
    this.inflight = this.#resources.use(new InflightMemory());
    this.#resources.defer(() => this.#disposeSession());
  }

  connect(socket: UnixSocket): BackEndFacts | undefined {
    this.#disposeSession();
    this.fault = undefined;
    const session = new Session(socket, {
      loop: this.#host.loop,
      memory: [{ base: RAM_BASE, size: RAM_SIZE, fd: this.fd }],
      wanted: this.#wanted,
      timeoutMs: WAIT_MS,
      onConfig: (config) => void this.configs.push(config),
      onEnd: (fault) => {
        this.fault = fault;
      },
    });
    this.#session = session;
    this.#disposeSession = () => session[Symbol.dispose]();
    return this.#settled<BackEndFacts | undefined>((settle) => session.probe(settle));
  }

  /** The driver lays out its queues anew; `start` follows when their first buffers are there. */
  layOut(count = this.#wanted.queueCount): readonly DriverQueue[] {
    this.ram.release(0);
    this.ram.bytes.fill(0);
    this.inflight.forget();
    this.queues = Array.from({ length: count }, () => new DriverQueue(this.ram, QUEUE_SIZE));
    return this.queues;
  }

  /** DRIVER_OK, or the same again for a back-end after the first: `bases` says where the rings go on. */
  start({
    driverFeatures = features(VIRTIO_F_VERSION_1),
    bases = [] as readonly number[],
    log = undefined as LogMemory | undefined,
  } = {}): void {
    while (this.kicks.length < this.queues.length) this.kicks.push(this.#resources.use(EventFd.create()));
    const rings = this.queues.map(({ places }, index) => {
      return { setup: { index, ...places }, call: this.call, kick: this.kicks[index]!, base: bases[index] ?? 0 };
    });
    const { inflight } = this;
    this.#settled((settle) => this.#session.start({ rings, features: driverFeatures, inflight, log }, settle));
  }

  stop(): void {
    this.#settled((settle) => this.#session.stop(settle));
  }

  writeConfig(offset: number, bytes: Uint8Array): Uint8Array | undefined {
    return this.#settled<Uint8Array | undefined>((settle) => this.#session.writeConfig(offset, bytes, settle));
  }

  /** used.idx of a (split) queue: where a ring goes on after its back-end is lost. */
  usedIndex(index: number): number {
    return this.ram.view.getUint16(this.queues[index]!.places.device + 2 - this.ram.base, true);
  }

  kick(index: number): void {
    if (this.queues[index]!.kick()) this.kicks[index]!.signal();
  }

  /** It is gone, as when its process ends. */
  vanish(): void {
    this.#disposeSession();
    this.#disposeSession = () => {};
  }

  #settled<Result>(begin: (settle: (result: Result) => void) => void): Result {
    let outcome: { readonly result: Result } | undefined;
    begin((result) => {
      outcome = { result };
    });
    this.#host.until(() => outcome !== undefined, 'an answer');
    return outcome!.result;
  }

  [Symbol.dispose](): void {
    this.#resources.dispose();
  }
}
