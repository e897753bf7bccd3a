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
