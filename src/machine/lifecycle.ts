/** The states of a machine, the legal moves between them, what it tells whoever runs it, and how that one sees the console. */
import type { GuestEvent } from '../devices/pvpanic.ts';

export type MachineState = 'created' | 'running' | 'paused' | 'stopped';

/** The legal moves. A reboot stays in `running`. */
export const NEXT: Record<MachineState, readonly MachineState[]> = {
  created: ['running', 'stopped'],
  running: ['paused', 'stopped'],
  paused: ['running', 'stopped'],
  stopped: [],
};

/** Why the machine stopped for good. */
export type MachineEnding =
  | { readonly kind: 'shutdown' | 'reset' | 'guest-crash' | 'panic' | 'stopped' }
  | { readonly kind: 'failed'; readonly message: string };

export interface Reboot {
  readonly kind: 'reboot';
  readonly by: 'guest' | 'control';
}

/** What the machine tells whoever runs it. */
export interface MachineObserver {
  stateChanged(from: MachineState, to: MachineState): void;
  rebooted(boots: number, by: 'guest' | 'control'): void;
  guestEvent(event: GuestEvent): void;
  warning(message: string): void;
}

/** The guest's first serial port, seen from outside. */
export interface ConsolePort {
  write(bytes: Uint8Array): void;
  /** The guest has room for input again. */
  resume(): void;
  /** So much output waits for its reader that the guest shall be held until `room()` resolves. */
  readonly isFull: boolean;
  room(): Promise<void>;
}
