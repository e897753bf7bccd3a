/**
 * A device in an I/O thread as the thread has it, wherever the device's work is done: here, or in another process. Each of
 * these is what a request of the main thread leads to.
 */
import type { GuestAddress } from '../base/range.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import type { QueueSetup } from '../virtio/queue-registers.ts';
import type { EpollLoop } from './io-loop.ts';
import type { DeviceReport, IoRequest } from './protocol.ts';

export interface HostedDevice extends Disposable {
  activate(queues: readonly QueueSetup[], features: bigint, generation: number): void;
  /** Whether the driver takes interrupts by a line. */
  setLine(isOn: boolean): void;
  /** Calls `done` once no guest memory is touched any more, at once or later. The main thread waits for it. */
  reset(done: () => void): void;
  /** Like `reset`, for one queue. */
  stopQueue(index: number, done: () => void): void;
  startQueue(queue: QueueSetup): void;
  place(window: number, base: GuestAddress): void;
  /** Calls `done` once what came of it has been reported. */
  writeConfig(offset: number, bytes: Uint8Array, done: () => void): void;
  /** The wires of the report `rewire` are in place. */
  rewired(): void;
  /** A piece of a window lies in guest memory, as was asked for; or why it does not. */
  shown(piece: number, refusal: string | undefined): void;
  /** It does not any more. */
  hidden(piece: number): void;
  act(action: string, value: string | undefined, call: number): void;
  count(call: number): void;
  /** Says who serves it. */
  tellPeer(call: number): void;
}

export type CreateRequest = IoRequest & { readonly kind: 'create' };

type Without<Report, Key extends PropertyKey> = Report extends unknown ? Omit<Report, Key> : never;
/** Reports about one device. */
export type DeviceTeller = (report: Without<DeviceReport, 'device'>) => void;

/** What a device finds in its thread. */
export interface Surroundings {
  readonly loop: EpollLoop;
  readonly memory: GuestMemory;
  guestCounter(): bigint | undefined;
  readonly tell: DeviceTeller;
}
