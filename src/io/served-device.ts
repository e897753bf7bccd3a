/**
 * A device that another process serves over vhost-user, as its I/O thread has it. The driver's notifications and the back-end's
 * interrupts go past us; what is ours is to find the back-end, to start and stop its rings, and to contain its end: then the
 * guest is told as well as virtio allows, nobody else notices, and another back-end is looked for.
 */
import { assert } from '../base/assert.ts';
import { HostError } from '../base/errors.ts';
import { FewTimes } from '../base/few-times.ts';
import type { AnyServedKeys } from '../config/served-types.ts';
import { Fd } from '../host/fd.ts';
import { getuid } from '../host/libc.ts';
import type { Credentials, UnixSocket } from '../host/unix-socket.ts';
import type { BackEndFacts } from '../vhost-user/front-end.ts';
import { InflightMemory } from '../vhost-user/inflight.ts';
import { PeerFault } from '../vhost-user/peer-fault.ts';
import type { DeviceProfile } from '../vhost-user/profile.ts';
import { Session } from '../vhost-user/session.ts';
import type { Source } from '../vhost-user/source.ts';
import type { QueueSetup } from '../virtio/queue-registers.ts';
import type { CreateRequest, HostedDevice, Surroundings } from './hosted-device.ts';
import { plainError } from './plain-error.ts';
import { SearchPace } from './search-pace.ts';
import { ServedActions } from './served-actions.ts';
import { ServedControl } from './served-control.ts';
import { ServedDriver } from './served-driver.ts';
import { offeredFeatures, profileOf } from './served-profiles.ts';
import { openSource } from './served-source.ts';
import { ServedTaps } from './served-taps.ts';
import { ServedWindows } from './served-windows.ts';
import { ServedWires } from './served-wires.ts';

/** A peer that comes and goes must not fill the log. */
const FAULTS_LOGGED_MAX = 20;

export function createServed(request: CreateRequest, surroundings: Surroundings): HostedDevice {
  return new ServedDevice(request, surroundings);
}

class ServedDevice implements HostedDevice {
  readonly #request: CreateRequest;
  readonly #surroundings: Surroundings;
  readonly #keys: AnyServedKeys;
  readonly #profile: DeviceProfile;
  readonly #source: Source;
  readonly #resources = new DisposableStack();
  readonly #wires: ServedWires;
  /** What the back-end has in hand, for the next one. */
  readonly #inflight: InflightMemory;
  readonly #taps: ServedTaps;
  readonly #windows: ServedWindows;
  readonly #control: ServedControl | undefined;
  readonly #actions: ServedActions;
  #cancelTimer = () => {};
  /** A connection of which it is not known yet what is at its other end, and one of which it is. */
  #probing: Session | undefined;
  #session: Session | undefined;
  /** What the driver was offered; undefined until there was a first back-end. */
  #offered: bigint | undefined;
  #config: Uint8Array;
  #driver: ServedDriver | undefined;
  #connections = 0;
  readonly #pace = new SearchPace();
  readonly #log = (message: string) => this.#surroundings.tell({ kind: 'log', message });
  readonly #complaints = new FewTimes(FAULTS_LOGGED_MAX, this.#log);
  readonly #faultsMade = new FewTimes(FAULTS_LOGGED_MAX, this.#log, '; the next ones are not said');

  constructor(request: CreateRequest, surroundings: Surroundings) {
    this.#request = request;
    this.#surroundings = surroundings;
    // The parser has read the keys by the table of this type.
    this.#keys = request.keys as AnyServedKeys;
    this.#profile = profileOf(this.#keys, request.name);
    const { config, queueSizes, display } = this.#profile;
    this.#actions = new ServedActions(request.name, display);
    this.#config = 'bytes' in config ? config.bytes : new Uint8Array(config.size);
    using resources = new DisposableStack();
    const tapping = {
      ...{ name: request.name, id: this.#profile.id, nowMs: () => surroundings.loop.nowMs, log: this.#log },
      note: (text: string) => this.#faultsMade.say(text),
      cut: (reason: string) => {
        surroundings.loop.defer(() => (this.#probing ?? this.#session)?.end(new PeerFault(reason)));
      },
    };
    this.#taps = new ServedTaps(this.#keys, tapping, resources);
    this.#windows = resources.use(
      new ServedWindows({
        ...{ name: request.name, tell: surroundings.tell, refused: (reason) => this.#complain(reason) },
      }),
    );
    this.#wires = resources.use(
      new ServedWires(queueSizes.length, {
        ...{ loop: surroundings.loop, interrupts: request.interrupts, isStrict: this.#keys.interrupt === 'strict' },
        passesKick: this.#keys.faults.dropKicks > 0 ? (queue) => this.#taps.faults!.passesKick(queue) : undefined,
      }),
    );
    this.#control = this.#createControl(resources);
    this.#inflight = resources.use(new InflightMemory());
    this.#source = resources.use(openSource(this.#keys, { name: request.name, ...surroundings, log: this.#log }));
    resources.defer(() => this.#cancelTimer());
    this.#resources = resources.move();
    const { startTimeoutS } = this.#keys.backend;
    this.#cancelTimer = surroundings.loop.after(startTimeoutS * 1000, () =>
      this.#refuse(`it is not there after ${startTimeoutS} s: start it, or check the path`),
    );
    this.#seek();
  }

  activate(queues: readonly QueueSetup[], features: bigint, generation: number): void {
    const served = this.#control?.take(queues, features) ?? queues;
    const [memory, hasPairs] = [this.#surroundings.memory, this.#control !== undefined];
    this.#driver = new ServedDriver(served, features & ~this.#profile.secretFeatures, generation, { memory, hasPairs });
    if (this.#session) this.#start();
    else if (this.#keys.backend.reconnect === 'off') {
      this.#break('it has no back-end any more');
      return;
    }
    this.#control?.activate(this.#wires.driverKicks);
  }

  setLine(isOn: boolean): void {
    this.#wires.setLine(isOn);
  }

  reset(done: () => void): void {
    this.#driver = undefined;
    this.#control?.reset();
    this.#windows.beginReset();
    this.#actions.clear();
    this.#quiesce(
      (session, settle) => session.stop(settle),
      () => {
        this.#windows.endReset();
        done();
      },
    );
  }

  stopQueue(index: number, done: () => void): void {
    if (this.#control?.stopQueue(index)) done();
    else this.#quiesce((session, settle) => session.stopRing(index, settle), done);
  }

  /** Without VIRTIO_F_RING_RESET, which is not offered, no driver can ask for it. */
  startQueue(): void {
    assert(false, 'a queue was started again that no driver may start again');
  }

  place(): void {
    this.#windows.placed();
  }

  shown(piece: number, refusal: string | undefined): void {
    this.#windows.shown(piece, refusal);
  }

  hidden(piece: number): void {
    this.#windows.hidden(piece);
  }

  writeConfig(offset: number, bytes: Uint8Array, done: () => void): void {
    const isAllowed = this.#profile.writable.some(
      ([start, size]) => offset >= start && offset + bytes.length <= start + size,
    );
    const answer = () => {
      this.#surroundings.tell({ kind: 'config', bytes: this.#config, asked: true });
      done();
    };
    if (!this.#session || !isAllowed || 'bytes' in this.#profile.config) {
      answer();
      return;
    }
    this.#session.writeConfig(offset, bytes, (config) => {
      if (config) this.#config = this.#clamped(config);
      answer();
    });
  }

  /** What the last back-end had of the old eventfds leads nowhere any more: another one may come. */
  rewired(): void {
    this.#wires.closeOld();
    if (this.#keys.backend.reconnect === 'off') return;
    this.#cancelTimer = this.#surroundings.loop.after(this.#pace.againMs, () => this.#seek());
  }

  act(action: string, value: string | undefined, call: number): void {
    this.#actions.act(action, value, call, this.#surroundings.tell);
  }

  count(call: number): void {
    const counters = { connections: this.#connections, 'connected now': this.#session ? 1 : 0 };
    this.#surroundings.tell({ kind: 'counters', call, counters });
  }

  tellPeer(call: number): void {
    this.#surroundings.tell({ kind: 'peer', call, peer: this.#session?.peer });
  }

  #seek(): void {
    this.#source.seek({
      found: (socket) => this.#found(socket),
      stuck: (reason) => {
        if (this.#offered === undefined) this.#refuse(reason);
        else this.#complain(reason);
      },
    });
  }

  #found(socket: UnixSocket): void {
    const { loop, memory } = this.#surroundings;
    const { queueSizes, queueCountMin, pairs = 1, config } = this.#profile;
    this.#pace.found(loop.nowMs);
    this.#taps.connected(this.#source.name);
    const session = new Session(socket, {
      loop,
      tap: this.#taps.tap,
      sharedMemory: this.#windows,
      display: this.#actions.display,
      memory: memory.regions.map(({ range, fd }) => ({ ...range, fd: new Fd(fd!) })),
      wanted: {
        ...{ queueCount: pairs > 1 ? 2 * pairs : queueSizes.length, queueCountMin, isMany: pairs > 1 },
        configSize: 'bytes' in config ? 0 : config.size,
        hasDisplay: this.#actions.display !== undefined,
      },
      timeoutMs: this.#keys.backend.replyTimeoutS * 1000,
      onConfig: (bytes) => this.#configChanged(bytes),
      onEnd: (fault) => this.#lost(fault),
    });
    this.#probing = session;
    session.probe((facts) => {
      if (facts === undefined) return;
      this.#connections++;
      if (this.#offered === undefined) this.#introduce(facts);
      else if (!this.#isAsBefore(session, facts)) return;
      this.#probing = undefined;
      this.#session = session;
      this.#warnOfUser(session.peer);
      this.#resume(facts);
    });
  }

  /** A user cannot be kept from what is its own, and root from nothing. */
  #warnOfUser({ uid }: Credentials): void {
    if (this.#keys.memory.share !== 'pool' || (uid !== getuid() && uid !== 0)) return;
    const who = uid === 0 ? 'root' : 'our own user';
    this.#log(`its back-end runs as ${who}, from whom memory: pool keeps nothing: let it run as a user of its own`);
  }

  /** The first back-end: now it is known what the device is. */
  #introduce({ features, config, sharedMemory }: BackEndFacts): void {
    this.#cancelTimer();
    if (config.length > 0) this.#config = this.#clamped(config);
    this.#offered = offeredFeatures(this.#profile, features, this.#keys.packed === 'on');
    const { id, queueSizes } = this.#profile;
    this.#surroundings.tell({
      kind: 'created',
      created: {
        ...{ id, features: this.#offered, queueSizes, config: this.#config },
        ...{ wires: this.#wires.numbers, counters: undefined, actions: this.#actions.texts },
        windows: this.#windows.describe(sharedMemory),
      },
    });
  }

  /** Another back-end: the driver knows the one of before, so it has to be as that was. */
  #isAsBefore(session: Session, { features, sharedMemory }: BackEndFacts): boolean {
    const missing = this.#offered! & ~offeredFeatures(this.#profile, features, this.#keys.packed === 'on');
    const reason =
      missing !== 0n
        ? `it lacks features that the driver was offered (0x${missing.toString(16)})`
        : !this.#windows.isAsBefore(sharedMemory) && 'it has other regions of shared memory than the one before it';
    if (reason) session.end(new PeerFault(reason));
    else this.#log(`${this.#source.name} is there again`);
    return !reason;
  }

  /** What the driver has set up meanwhile, or with the back-end of before. */
  #resume({ config }: BackEndFacts): void {
    if (config.length > 0) this.#configChanged(config);
    if (!this.#driver || this.#driver.isBroken) return;
    this.#start();
    this.#wires.interruptAll();
  }

  #start(): void {
    const driver = this.#driver!;
    const rings = driver.rings(this.#wires);
    if (!driver.isStarted) this.#inflight.forget();
    const { features } = driver;
    const began = () => driver.began();
    // What goes wrong ends the session, and is dealt with there.
    this.#session!.start({ rings, features, inflight: this.#inflight, began }, () => {});
  }

  /** Of a network card whose driver chooses among pairs of queues. */
  #createControl(resources: DisposableStack): ServedControl | undefined {
    const { pairs } = this.#profile;
    if (pairs === undefined) return undefined;
    const { loop, memory } = this.#surroundings;
    return resources.use(
      new ServedControl({
        ...{ pairs, loop, memory, interrupt: (index: number) => this.#wires.interrupt(index) },
        usePairs: (count, done) => this.#usePairs(count, done),
        faulted: (reason) => {
          this.#break(reason);
          this.#session?.stop(() => {});
        },
      }),
    );
  }

  /** Whoever serves the rings now or later. */
  #usePairs(count: number, done: () => void): void {
    const driver = this.#driver!;
    driver.pairs = count;
    if (this.#session) this.#session.enable(driver.rings(this.#wires), done);
    else done();
  }

  /** Stops something. A back-end that cannot be brought to it is cut off, and ended if we have started it. */
  #quiesce(stop: (session: Session, settle: (outcome: unknown) => void) => void, done: () => void): void {
    if (this.#session === undefined) {
      done();
      return;
    }
    stop(this.#session, () => done());
  }

  /** The connection is over. The guest's memory and the other devices are as they were. */
  #lost(fault: PeerFault): void {
    this.#taps.recorder?.note(`the connection is over: ${fault.message}`);
    this.#probing = undefined;
    this.#session = undefined;
    this.#source.cut();
    this.#windows.clear();
    this.#actions.clear();
    if (this.#offered === undefined) {
      this.#refuse(fault.message);
      return;
    }
    this.#pace.lost(this.#surroundings.loop.nowMs);
    this.#complain(fault.message);
    const { goesOn } = this.#profile;
    const rule = { goesOn, reconnect: this.#keys.backend.reconnect, hasNotes: this.#inflight.kept !== undefined };
    if (this.#driver && !this.#driver.isBroken && !this.#driver.mayGoOn(rule)) {
      this.#break('its back-end is gone, and with it what it had in hand');
    }
    this.#wires.renew();
    if (this.#driver && !this.#driver.isBroken) this.#control?.rewire(this.#wires.driverKicks);
    this.#surroundings.tell({ kind: 'rewire', wires: this.#wires.numbers });
  }

  /** The driver has to begin anew. */
  #break(reason: string): void {
    const driver = this.#driver!;
    driver.isBroken = true;
    this.#control?.reset();
    this.#surroundings.tell({ kind: 'faulted', generation: driver.generation, reason });
  }

  #configChanged(config: Uint8Array): void {
    const clamped = this.#clamped(config);
    if (clamped.every((byte, index) => byte === this.#config[index])) return;
    this.#config = clamped;
    this.#surroundings.tell({ kind: 'config', bytes: clamped, asked: false });
  }

  #clamped(config: Uint8Array): Uint8Array {
    this.#profile.clamp?.(new DataView(config.buffer, config.byteOffset, config.length));
    return config;
  }

  /** There was never a back-end, so there is no device and no VM. */
  #refuse(reason: string): void {
    this.#cancelTimer();
    this.#source.cut();
    const error = new HostError(`Cannot use ${this.#source.name} for ${this.#request.name}: ${reason}`);
    this.#surroundings.tell({ kind: 'refused', error: plainError(error) });
  }

  #complain(reason: string): void {
    this.#complaints.say(`${this.#source.name}: ${reason}`);
  }

  [Symbol.dispose](): void {
    this.#probing?.[Symbol.dispose]();
    this.#session?.[Symbol.dispose]();
    this.#actions.clear();
    this.#resources.dispose();
  }
}
