/**
 * What the main thread and an I/O thread say to each other. Requests are handled in their order, and counted: a *call* is a
 * request whose end the main thread waits for. Reports come whenever there is something to say; those that belong to a
 * call are there before it ends.
 */
import type { MessagePort } from 'node:worker_threads';
import type { GuestAddress } from '../base/range.ts';
import type { QueueSetup } from '../virtio/queue-registers.ts';
import type { PlainError } from './plain-error.ts';

/** With what an I/O thread starts. */
export interface IoThreadData {
  readonly name: string;
  readonly port: MessagePort;
  /** Signalled after every request. */
  readonly wake: number;
  readonly control: SharedArrayBuffer;
  /** GuestCounter. */
  readonly counter: SharedArrayBuffer;
  /** Guest RAM, by its addresses in this process. */
  readonly memory: readonly { readonly base: GuestAddress; readonly size: number; readonly pointer: bigint }[];
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

/** Devices are numbered by the machine. */
export type IoRequest =
  | {
      readonly kind: 'create';
      readonly device: number;
      readonly name: string;
      readonly type: string;
      /** The device's keys in the config. */
      readonly keys: object;
      /** The eventfd whose signal interrupts the driver. */
      readonly irq: number;
      /** Where InterruptStatus lies, if bit 0 is to be set there for every interrupt. */
      readonly interruptStatus: bigint | undefined;
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
  /** The device's own counters; comes back with them. */
  | { readonly kind: 'count'; readonly device: number; readonly call: number }
  /** Nothing but requests is handled until `resume`. */
  | { readonly kind: 'pause' }
  | { readonly kind: 'resume' }
  /** Closes all devices and ends the thread. */
  | { readonly kind: 'stop' };

/** A device as its transport and its users have to know it. */
export interface CreatedDevice {
  readonly id: number;
  readonly features: bigint;
  readonly inOrder: boolean;
  readonly ringReset: boolean;
  readonly queueSizes: readonly number[];
  readonly config: Uint8Array;
  /** The eventfds of the queues, for notifications. */
  readonly kicks: readonly number[];
  /** QueueCounters of the queues, one after the other. */
  readonly counters: SharedArrayBuffer;
  readonly windows: readonly WindowDescription[];
  /** Action → help. */
  readonly actions: Readonly<Record<string, string>>;
}

export interface WindowDescription {
  readonly what: string;
  readonly size: number;
  readonly pointer: bigint;
  readonly readOnly: boolean;
  readonly shmId: number | undefined;
}

/** What an I/O thread says about one device. */
export type DeviceReport = { readonly device: number } & (
  | { readonly kind: 'created'; readonly created: CreatedDevice }
  | { readonly kind: 'refused'; readonly error: PlainError }
  /** The config space: after it changed by itself, or as the answer to `place` and `write-config` (`asked`). */
  | { readonly kind: 'config'; readonly bytes: Uint8Array; readonly asked: boolean }
  | { readonly kind: 'faulted'; readonly generation: number; readonly reason: string }
  | { readonly kind: 'answer'; readonly call: number; readonly text: string }
  | { readonly kind: 'declined'; readonly call: number; readonly error: PlainError }
  | { readonly kind: 'counters'; readonly call: number; readonly counters: Readonly<Record<string, number>> }
  | { readonly kind: 'log'; readonly message: string }
);

export type IoReport =
  | DeviceReport
  /** The thread is gone: the host let it down (`isHostError`), or our own bug. */
  | { readonly kind: 'failed'; readonly message: string; readonly stack: string; readonly isHostError: boolean };
