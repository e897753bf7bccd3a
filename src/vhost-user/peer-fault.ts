/** What the other end of a vhost-user connection did wrong. */
import { HostError } from '../base/errors.ts';

/**
 * It broke the protocol, said no, or is gone. The stream is then out of step for good, so the connection is closed; nothing
 * else stops. Before the guest runs it is told to the user as what it is too: something of the host's that does not work.
 */
export class PeerFault extends HostError {
  override name = 'PeerFault';
}

/** It is there, and does not answer in time. */
export class Silence extends PeerFault {
  override name = 'Silence';
}

/** It has closed the connection. */
export class PeerGone extends PeerFault {
  override name = 'PeerGone';

  constructor() {
    super('it has closed the connection');
  }
}

/** What a system call does not do with what the other end gave us is the other end's doing. */
export function blamePeer<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof HostError) || error instanceof PeerFault) throw error;
    throw new PeerFault(error.message, error.errno);
  }
}
