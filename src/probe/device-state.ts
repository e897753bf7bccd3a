/** The state of a back-end's device, taken out of it and put into one (vhost-user, "Migrating back-end state"); no ring runs. */
import { MiB } from '../base/units.ts';
import type { Fd } from '../host/fd.ts';
import { createPipe, readSome, writeSome } from '../host/pipe.ts';
import { waitFor } from '../host/poll.ts';
import { STATE_LOAD, STATE_PHASE_STOPPED, STATE_SAVE } from '../vhost-user/payload.ts';
import { blamePeer, PeerFault, Silence } from '../vhost-user/peer-fault.ts';
import { VHOST_USER_PROTOCOL_F_DEVICE_STATE } from '../vhost-user/protocol-features.ts';
import { features, hasFeature } from '../virtio/features.ts';
import { negotiate } from './inspect.ts';
import { Peer } from './peer.ts';
import type { Target } from './target.ts';

/** A back-end that sends more is not believed. */
const STATE_BYTES_MAX = 256 * MiB;
const PIECE_BYTES = 64 * 1024;

/** A connection on which the state may be moved. A PeerFault where the back-end does not do that. */
export function meetForState(target: Target, timeoutMs: number): Peer {
  const peer = new Peer(target.connect(), timeoutMs);
  try {
    const { protocolFeatures = 0n } = negotiate(peer, features(VHOST_USER_PROTOCOL_F_DEVICE_STATE));
    if (hasFeature(protocolFeatures, VHOST_USER_PROTOCOL_F_DEVICE_STATE)) return peer;
    throw new PeerFault('it does not give its state away (VHOST_USER_PROTOCOL_F_DEVICE_STATE)');
  } catch (error) {
    peer[Symbol.dispose]();
    throw error;
  }
}

/** All of its state. A PeerFault when it does not come through. */
export function saveState(peer: Peer, timeoutMs: number): Uint8Array {
  using reader = begin(peer, STATE_SAVE);
  const pieces: Uint8Array[] = [];
  for (let size = 0; ; size += pieces.at(-1)!.length) {
    if (size > STATE_BYTES_MAX) throw new PeerFault(`its state has more than ${STATE_BYTES_MAX} bytes`);
    if (!waitFor(reader.number, 'readable', timeoutMs)) throw silence('give its state', timeoutMs);
    const piece = blamePeer(() => readSome(reader, PIECE_BYTES));
    if (piece?.length === 0) break;
    pieces.push(piece ?? new Uint8Array());
  }
  check(peer, 'saved');
  return Buffer.concat(pieces);
}

/** Puts it back. A PeerFault when it is not taken. */
export function loadState(peer: Peer, state: Uint8Array, timeoutMs: number): void {
  {
    using writer = begin(peer, STATE_LOAD);
    for (let done = 0; done < state.length; ) {
      if (!waitFor(writer.number, 'writable', timeoutMs)) throw silence('take its state', timeoutMs);
      done += blamePeer(() => writeSome(writer, state.subarray(done))) ?? 0;
    }
  }
  check(peer, 'loaded');
}

/** Our end of the pipe, or whatever the back-end would rather use; non-blocking. */
function begin(peer: Peer, direction: typeof STATE_SAVE | typeof STATE_LOAD): Fd {
  const { reader, writer } = createPipe();
  const [ours, theirs] = direction === STATE_SAVE ? [reader, writer] : [writer, reader];
  using resources = new DisposableStack();
  resources.use(ours);
  using _ = theirs;
  const { reply, fd } = peer.askFor('SET_DEVICE_STATE_FD', { direction, phase: STATE_PHASE_STOPPED }, [theirs]);
  if (fd) resources.use(fd);
  if (reply.error !== 0) throw new PeerFault(`it refuses SET_DEVICE_STATE_FD (error ${reply.error})`);
  const used = fd ?? ours;
  used.setBlocking(false);
  resources.move();
  if (fd) ours[Symbol.dispose]();
  return used;
}

function check(peer: Peer, what: string): void {
  const status = peer.ask('CHECK_DEVICE_STATE', undefined);
  if (status !== 0n) throw new PeerFault(`its state could not be ${what} (CHECK_DEVICE_STATE answers ${status})`);
}

function silence(what: string, timeoutMs: number): Silence {
  return new Silence(`it does not ${what} within ${timeoutMs / 1000} s`);
}
