/**
 * What the main thread and an I/O thread say to each other. Requests are handled in their order, and counted: a *call* is a
 * request whose end the main thread waits for. Reports come whenever there is something to say; those that belong to a
 * call are there before it ends.
 */
import type { MessagePort } from 'node:worker_threads';
import type { GuestAddress } from '../base/range.ts';
import type { Credentials } from '../host/unix-socket.ts';
import type { QueueSetup } from '../virtio/queue-registers.ts';
import type { PlainError } from './plain-error.ts';

/** With what an I/O thread starts. */
export interface IoThreadData {
  readonly name: string;
  readonly port: MessagePort;
  /** Signalled after every request. */
  readonly wake: number;
  readonly control: SharedArrayBuffer;
}

/** A piece of guest memory, by its address in this process too. `fd`: by which another process maps it. */
export interface MemoryPlace {
  readonly base: GuestAddress;
  readonly size: number;
  readonly pointer: bigint;
  readonly fd: number | undefined;
}

/** Words of `control`. */
export const Control = {
  /** How many requests were posted, and how many handled. Waited for with Atomics. */
  POSTED: 0,
  HANDLED: 1,
  /** Not 0 once the thread has failed, and handles nothing any more. */
  FAILED: 2,
} as const;
export const CONTROL_BYTES = 3 * Int32Array.BYTES_PER_ELEMENT;

/** The keys that every device has in the config, whatever else it has. */
export interface DeviceKeys {
  readonly type: string;
  readonly packed: 'on' | 'off';
  /** Another process serves it. */
  readonly backend?: { readonly replyTimeoutS: number };
}

/** Devices are numbered by the machine. */
export type IoRequest =
  /** The first of all: the guest that it is for. */
  | {
      readonly kind: 'begin';
      /** GuestCounter. */
      readonly counter: SharedArrayBuffer;
      /** Guest RAM. */
      readonly memory: readonly MemoryPlace[];
    }
  | {
      readonly kind: 'create';
      readonly device: number;
      readonly name: string;
      /** The device's keys in the config. */
      readonly keys: DeviceKeys;
      /** All of guest memory that it sees, where that is not RAM. */
      readonly memory: readonly MemoryPlace[] | undefined;
      readonly interrupts: InterruptWires;
    }
  /** A window of whichever device lies in guest memory from now on. Comes before any device is activated. */
  | {
      readonly kind: 'window';
      readonly base: GuestAddress;
      readonly size: number;
      readonly pointer: bigint;
      readonly readOnly: boolean;
    }
  | { readonly kind: 'place'; readonly device: number; readonly window: number; readonly base: GuestAddress }
  | {
      readonly kind: 'activate';
      readonly device: number;
      readonly queues: readonly QueueSetup[];
      readonly features: bigint;
      /** Counts the activations of the device: what is reported of an older one is of no interest. */
      readonly generation: number;
    }
  | { readonly kind: 'reset'; readonly device: number }
  /** Interrupts of kind `each`: whether the driver takes them by the line. No eventfd of a queue is tied to anything then. */
  | { readonly kind: 'set-line'; readonly device: number; readonly isOn: boolean }
  | { readonly kind: 'stop-queue'; readonly device: number; readonly index: number }
  | { readonly kind: 'start-queue'; readonly device: number; readonly queue: QueueSetup }
  | { readonly kind: 'write-config'; readonly device: number; readonly offset: number; readonly bytes: Uint8Array }
  | {
      readonly kind: 'act';
      readonly device: number;
      readonly action: string;
      readonly value: string | undefined;
      /** Comes back with the answer. */
      readonly call: number;
    }
  /** The old eventfds are tied to nothing any more, and those of the report `rewire` are. */
  | { readonly kind: 'rewired'; readonly device: number }
  /** What `show` asked for: the guest sees that memory; or why not. */
  | {
      readonly kind: 'shown';
      readonly device: number;
      readonly piece: number;
      readonly refusal: string | undefined;
    }
  /** What `hide` asked for: no guest sees that memory any more. */
  | { readonly kind: 'hidden'; readonly device: number; readonly piece: number }
  /** The device's own counters; comes back with them. */
  | { readonly kind: 'count'; readonly device: number; readonly call: number }
  /** Who serves the device, where another process does; comes back with it. */
  | { readonly kind: 'ask-peer'; readonly device: number; readonly call: number }
  /** Nothing but requests is handled until `resume`. */
  | { readonly kind: 'pause' }
  | { readonly kind: 'resume' }
  /** Closes all devices and ends the thread. */
  | { readonly kind: 'stop' };

/** A device as its transport and its users have to know it. */
export interface CreatedDevice {
  readonly id: number;
  /** Everything offered, bits of rings and transport too. */
  readonly features: bigint;
  readonly queueSizes: readonly number[];
  readonly config: Uint8Array;
  readonly wires: Wires;
  /** QueueCounters of the queues, one after the other; absent where another process serves them and nobody counts. */
  readonly counters: SharedArrayBuffer | undefined;
  readonly windows: readonly WindowDescription[];
  /** Action → help. */
  readonly actions: Readonly<Record<string, string>>;
}

/** The eventfds between driver and device, by their numbers. Both sides of KVM go past the main thread. */
export interface Wires {
  /** Of the queues, for notifications. */
  readonly kicks: readonly number[];
  /** To be tied to interrupts: one of each queue where they are `each`, else one that another process signals, or none. */
  readonly calls: readonly number[];
}

/** How the thread interrupts a driver. */
export type InterruptWires =
  /** All of the device's by the eventfd `irq`. `status`: where InterruptStatus lies, if its bit 0 is to be set for every one. */
  | { readonly kind: 'one'; readonly irq: number; readonly status: bigint | undefined }
  /**
   * By an eventfd of each queue, which the thread makes. Instead of them, while `set-line` says so, by `irq`, with bit 0 of the ISR
   * status at `status`; `resampled` is signalled when the guest has ended such an interrupt.
   */
  | { readonly kind: 'each'; readonly irq: number; readonly status: bigint; readonly resampled: number };

export interface WindowDescription {
  readonly what: string;
  readonly size: number;
  /** Absent where nothing lies in it until it is shown, piece by piece. */
  readonly pointer: bigint | undefined;
  readonly readOnly: boolean;
  readonly shmId: number | undefined;
}

/** Memory that the guest sees in a window of a device. */
export interface WindowPiece {
  /** Unlike those of all other pieces of the device. */
  readonly piece: number;
  /** The window, and where in it. */
  readonly window: number;
  readonly offset: number;
  readonly size: number;
  readonly pointer: bigint;
  readonly readOnly: boolean;
}

/** What an I/O thread says about one device. */
export type DeviceReport = { readonly device: number } & (
  | { readonly kind: 'created'; readonly created: CreatedDevice }
  | { readonly kind: 'refused'; readonly error: PlainError }
  /** The config space: after it changed by itself, or as the answer to `place` and `write-config` (`asked`). */
  | { readonly kind: 'config'; readonly bytes: Uint8Array; readonly asked: boolean }
  | { readonly kind: 'faulted'; readonly generation: number; readonly reason: string }
  /** The other process is gone, and what it had of the old wires must reach nobody: `rewired` says that they are cut. */
  | { readonly kind: 'rewire'; readonly wires: Wires }
  /** The guest is to see it. Comes for places where there is nothing; `shown` answers. */
  | ({ readonly kind: 'show' } & WindowPiece)
  /** It is to see it no more: `hidden` answers. */
  | { readonly kind: 'hide'; readonly piece: number }
  | { readonly kind: 'answer'; readonly call: number; readonly text: string }
  | { readonly kind: 'declined'; readonly call: number; readonly error: PlainError }
  | { readonly kind: 'counters'; readonly call: number; readonly counters: Readonly<Record<string, number>> }
  /** Undefined while nobody does. */
  | { readonly kind: 'peer'; readonly call: number; readonly peer: Credentials | undefined }
  | { readonly kind: 'log'; readonly message: string }
);

export type IoReport =
  | DeviceReport
  /** The thread is gone: the host let it down (`isHostError`), or our own bug. */
  | { readonly kind: 'failed'; readonly message: string; readonly stack: string; readonly isHostError: boolean };
