/** The state of the device (vhost-user, "Migrating back-end state"). */
import { PeerFault, Silence } from '../../vhost-user/peer-fault.ts';
import { VHOST_USER_PROTOCOL_F_DEVICE_STATE } from '../../vhost-user/protocol-features.ts';
import { hasFeature } from '../../virtio/features.ts';
import type { Bench } from '../bench.ts';
import { loadState, meetForState, saveState } from '../device-state.ts';
import { type Check, fail, notApplicable } from '../verdict.ts';

const GARBAGE = new Uint8Array(4096).fill(0xa5);

export const STATE: readonly Check[] = [
  {
    id: 'state-moves',
    title: 'Its state can be taken out, and put into the device of the next connection',
    run(bench) {
      const state = save(bench);
      using next = meetForState(bench.target, bench.timeoutMs);
      loadState(next, state, bench.timeoutMs);
      return `${state.length} bytes`;
    },
  },
];

/** Questions without a good answer. */
export const STATE_REFUSALS: readonly Check[] = [
  {
    id: 'state-garbage',
    title: 'It refuses a state that is none',
    run(bench) {
      needState(bench);
      using peer = meetForState(bench.target, bench.timeoutMs);
      try {
        loadState(peer, GARBAGE, bench.timeoutMs);
      } catch (error) {
        if (!(error instanceof PeerFault) || error instanceof Silence) throw error;
        return error.message;
      }
      return fail(`it takes ${GARBAGE.length} bytes of nothing for its state`);
    },
  },
];

function needState({ facts: { protocolFeatures = 0n } }: Bench): void {
  if (!hasFeature(protocolFeatures, VHOST_USER_PROTOCOL_F_DEVICE_STATE))
    notApplicable('it does not offer DEVICE_STATE');
}

function save(bench: Bench): Uint8Array {
  needState(bench);
  using peer = meetForState(bench.target, bench.timeoutMs);
  return saveState(peer, bench.timeoutMs);
}
