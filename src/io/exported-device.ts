/**
 * A device of ours behind its host, for a front-end in another process: rings come and go one by one there, while a device wants
 * to begin with all that its driver has. What came in one turn of the loop begins together; for what comes later, a
 * device that cannot take one queue more stands still for a moment.
 */
import { VIRTIO_CONFIG_S_NEEDS_RESET } from '../abi/virtio.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import type { ServedDevice } from '../vhost-user/back-end.ts';
import type { RunningRing } from '../vhost-user/back-end-rings.ts';
import type { StatefulDevice } from '../vhost-user/state-transfer.ts';
import type { VirtioDevice } from '../virtio/device.ts';
import { ringFeatures } from '../virtio/features.ts';
import { QueueCounters } from '../virtio/queue-counters.ts';
import type { RingStand } from '../virtio/ring.ts';
import { DeviceHost } from './device-host.ts';
import type { GuardedLoop } from './guarded-loop.ts';
import type { EpollLoop } from './io-loop.ts';

/** Whoever uses the device at the moment. */
export interface DeviceUser {
  interrupt(index: number): void;
  /** The driver broke the specification: the device does nothing until its rings are stopped. */
  faulted(reason: string): void;
  configChanged(): void;
}

export interface ExportedDeviceOptions {
  readonly loop: EpollLoop;
  /** As the device has it. */
  readonly guardedLoop: GuardedLoop;
  readonly memory: GuestMemory;
  readonly packed: boolean;
  /** At least so many queues are shown: front-ends want some that the device has only by its config. */
  readonly queueCountMin: number;
  readonly keepsNotes: boolean;
  /** What the driver reads as config space front-ends make themselves. */
  readonly hidesConfig: boolean;
  readonly user: DeviceUser;
}

export class ExportedDevice implements ServedDevice, Disposable {
  readonly features: bigint;
  readonly queueCount: number;
  readonly keepsNotes: boolean;
  readonly showsConfig: boolean;
  readonly state: StatefulDevice | undefined;
  isResetByWord = false;
  readonly #device: VirtioDevice;
  readonly #host: DeviceHost;
  readonly #loop: EpollLoop;
  /** Rings that are to run, and where each goes on while the device stands still. */
  readonly #rings = new Map<number, RunningRing>();
  /** Of the driver. */
  #features = 0n;
  #state: 'still' | 'running' | 'broken' = 'still';
  #willActivate = false;

  /** Takes over `device`. */
  constructor(device: VirtioDevice, options: ExportedDeviceOptions) {
    const { loop, guardedLoop, memory, packed, queueCountMin, keepsNotes, hidesConfig, user } = options;
    this.#device = device;
    this.#loop = loop;
    this.features = device.features | ringFeatures({ packed, inOrder: device.inOrder ?? false, ringReset: false });
    this.queueCount = Math.max(device.queueSizes.length, queueCountMin);
    // The notes of a packed ring are others, which nobody here writes.
    this.keepsNotes = keepsNotes && !packed;
    this.showsConfig = !hidesConfig && device.config.bytes.length > 0;
    this.state = statefulOf(device);
    this.#host = new DeviceHost(device, {
      loop: guardedLoop,
      memory,
      counters: device.queueSizes.map(() => new QueueCounters()),
      idle: (queue) => loop.idle(queue),
      interrupt: (index) => user.interrupt(index),
      faulted: (reason) => {
        this.#state = 'broken';
        user.faulted(reason);
      },
    });
    device.config.onUpdate(() => user.configChanged());
  }

  get needsReset(): number {
    return this.#state === 'broken' ? VIRTIO_CONFIG_S_NEEDS_RESET : 0;
  }

  get config(): Uint8Array {
    return this.#device.config.bytes;
  }

  writeConfig(offset: number, bytes: Uint8Array): void {
    this.#host.writeConfig(offset, bytes);
  }

  startRing(ring: RunningRing, features: bigint): void {
    this.#rings.set(ring.index, ring);
    this.#features = features;
    // Of those beyond there is nothing to serve.
    if (ring.index >= this.#device.queueSizes.length) return;
    if (this.#state === 'running' && this.#takesOneMore) this.#host.startQueue(ring);
    else this.#activateSoon();
  }

  stopRing(index: number): RingStand {
    if (this.#state === 'running') {
      if (this.#takesOneMore) this.#remember(index, this.#host.suspendQueue(index));
      else this.#suspend();
    }
    const { start } = this.#rings.get(index)!;
    this.#rings.delete(index);
    if (this.#rings.size > 0) this.#activateSoon();
    else if (this.isResetByWord) this.#keepingState(() => this.reset());
    else this.reset();
    return { avail: start.avail, used: start.used ?? start.avail };
  }

  kicked(index: number): void {
    this.#host.kicked(index);
  }

  reset(): void {
    this.#host.reset();
    this.#rings.clear();
    this.#state = 'still';
  }

  get #takesOneMore(): boolean {
    return this.#device.startQueue !== undefined && this.#device.stopQueue !== undefined;
  }

  #activateSoon(): void {
    if (this.#willActivate || (this.#state === 'running' && this.#takesOneMore)) return;
    this.#willActivate = true;
    this.#loop.defer(() => {
      this.#willActivate = false;
      if (this.#state === 'broken' || this.#rings.size === 0) return;
      if (this.#state === 'running') this.#suspend();
      this.#state = 'running';
      const rings = [...this.#rings.values()].filter(({ index }) => index < this.#device.queueSizes.length);
      this.#host.activate(rings, this.#features);
    });
  }

  #suspend(): void {
    this.#state = 'still';
    this.#keepingState(() => {
      for (const [index, stand] of this.#host.suspend()) this.#remember(index, stand);
    });
  }

  /** What resets the device, although its driver has not. */
  #keepingState(work: () => void): void {
    const state = this.state?.saveState();
    work();
    if (state) this.state?.loadState(state);
  }

  #remember(index: number, stand: RingStand | undefined): void {
    const ring = this.#rings.get(index);
    if (ring && stand) this.#rings.set(index, { ...ring, start: stand });
  }

  [Symbol.dispose](): void {
    this.#host[Symbol.dispose]();
  }
}

function statefulOf(device: VirtioDevice): StatefulDevice | undefined {
  if (!device.saveState || !device.loadState) return undefined;
  const [saveState, loadState] = [device.saveState.bind(device), device.loadState.bind(device)];
  return { id: device.id, saveState, loadState };
}
