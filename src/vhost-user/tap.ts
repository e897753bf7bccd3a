/** Where somebody can listen in on the connections of a device, and meddle: the flight recorder, and faults made on purpose. */
import type { Fd } from '../host/fd.ts';
import type { Incoming } from './message-socket.ts';

/** The connection on which the front-end asks, or the one on which the back-end does (SET_BACKEND_REQ_FD). */
export type Line = 'main' | 'channel';

export interface Tap {
  /** A message, header and payload, that is about to leave. A PeerFault ends the connection instead. */
  sent(line: Line, message: Uint8Array, fds: readonly Fd[]): void;
  /** A message that has come, whole. What is returned is taken for it. */
  received(line: Line, message: Incoming): Incoming;
  /** How long a message that has come is held back, in milliseconds. */
  delayMs?(message: Incoming): number;
}
