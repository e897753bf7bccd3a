/**
 * What a virtio device is here (virtio 1.4 §2): the meaning of its queues and of its config space. Which transport it sits
 * behind, in which thread or process it runs, and how its rings are laid out it never learns; so the same class serves
 * virtio-mmio, virtio-pci and a vhost-user socket. docs/adding-a-device.md shows the smallest one.
 */
import type { GuestAddress } from '../base/range.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import type { DeviceConfig } from './device-config.ts';
import type { Virtqueue } from './queue.ts';
import type { QueueSetup } from './queue-registers.ts';

export interface VirtioDevice extends Disposable {
  /** VIRTIO_ID_* */
  readonly id: number;
  /** The device type's own feature bits, as a mask; those of rings and transport are added by the transport. */
  readonly features: bigint;
  /** The largest size of each queue. */
  readonly queueSizes: readonly number[];
  readonly config: DeviceConfig;
  /** It completes the chains of each queue in the order in which it popped them: VIRTIO_F_IN_ORDER is offered. */
  readonly inOrder?: true;
  /** Host memory that the guest sees as it is (§2.10, virtio-pmem); placed before the guest runs. */
  readonly windows?: readonly MemoryWindow[];
  /** What a user may ask for while the VM runs: `orko-vmm ctl NAME device DEVICE ACTION [VALUE]`. */
  readonly actions?: Readonly<Record<string, DeviceAction>>;

  /**
   * Asked for each queue before `activate` or `startQueue`: true when somebody to whom the device hands `wires` serves it, which then
   * is as though the driver had not enabled it. It is taken back by `reset` and `stopQueue`.
   */
  delegate?(queue: QueueSetup, features: bigint, wires: QueueWires): boolean;
  /** DRIVER_OK (§3.1.1). A queue that the driver did not enable is undefined. Every queue is notified right after. */
  activate(queues: readonly (Virtqueue | undefined)[], features: bigint): void;
  /** The driver made buffers available in queue `index`, or may have: must be harmless when it did not. */
  notify(index: number): void;
  /**
   * Does all that it has taken from its queues and could do by itself, and completes it; synchronous. For a device that may
   * leave requests undone at a `reset`: where its queues go on afterwards, each has to be done once.
   */
  finish?(): void;
  /** Synchronous: once it returns no guest memory is touched and no chain of before is completed. Then `activate` again. */
  reset(): void;
  /**
   * The driver wrote `bytes` at `offset` of the config space, inside it. What the device accepts of it, it writes into
   * `config.view` itself; everything else is as if the driver had not written.
   */
  writeConfig?(offset: number, bytes: Uint8Array): void;
  /**
   * What the driver has set that a reset undoes and no ring holds, between `reset` or `activate` and the next of them: for a
   * device that goes on elsewhere, or here without having been reset by its driver. `loadState` is given it after a `reset`, and
   * throws a HostError for bytes that are none of its kind.
   */
  saveState?(): Uint8Array;
  loadState?(state: Uint8Array): void;
  /** One queue is taken away, like `reset`, and given again (VIRTIO_F_RING_RESET): offered where both exist. */
  stopQueue?(index: number): void;
  startQueue?(index: number, queue: Virtqueue): void;
  /** Counters of its own, beside those of every queue, for `ctl NAME stats`. */
  counters?(): Readonly<Record<string, number>>;
}

/** File descriptors of eventfds that stand for a queue's notifications: by the driver, and of the driver. */
export interface QueueWires {
  readonly kick: number;
  readonly call: number;
}

export interface DeviceAction {
  /** One sentence; `VALUE` in it is what follows the action's name on the command line. */
  readonly help: string;
  /** Does it, and says in a sentence (or as JSON) what came of it. A ConfigError is what the user did wrong. */
  run(value: string | undefined): string;
}

/** Memory of this process that becomes a piece of the guest's address space, at an address of the machine's choice. */
export interface MemoryWindow {
  /** "root.img of disk0" */
  readonly what: string;
  /** Bytes; a multiple of the host's page size. */
  readonly size: number;
  readonly pointer: bigint;
  readonly readOnly: boolean;
  /** As a shared memory region of that id (§2.10), found through the transport; else only the device says where it is. */
  readonly shmId?: number;
  /** Where it lies: known before the first `activate`. The config space may be written here. */
  placed(base: GuestAddress): void;
}

/** What a device is given. */
export interface DeviceWorld {
  /** As in the config. */
  readonly name: string;
  readonly loop: IoLoop;
  readonly memory: GuestMemory;
  /** The guest's virtual counter (CNTVCT_EL0) as it stands now; absent, or undefined, where nobody can tell. */
  guestCounter?(): bigint | undefined;
  /** One sentence to the user. */
  log(message: string): void;
}

/** The loop of the thread that the device runs in. Everything here, and every call of the device, is on that thread. */
export interface IoLoop {
  /** A clock that never goes back, in milliseconds with fractions. */
  readonly nowMs: number;
  /**
   * Calls `ready` whenever `fd` is ready for one of `events` (level-triggered), or has an error or a hang-up, until the watch
   * is disposed: so a call where nothing is waited for is one of those.
   */
  watch(fd: number, events: FdEvents, ready: () => void): FdWatch;
  /** Calls `fire` once, after `delayMs` and at most a millisecond more if the loop is free; the returned function cancels it. */
  after(delayMs: number, fire: () => void): () => void;
  /** Calls `work` in the next turn, after everybody else had theirs. */
  defer(work: () => void): void;
}

export interface FdEvents {
  readonly readable?: boolean;
  readonly writable?: boolean;
}

export interface FdWatch extends Disposable {
  /** Watches for other events from now on; none of them is fine, and then only errors and hang-ups call `ready`. */
  set(events: FdEvents): void;
}
