/** What a back-end says about itself, and how it answers (vhost-user, "Communication", "REPLY_ACK", "Multiple queue support"). */
import { VIRTIO_F_VERSION_1 } from '../../abi/virtio.ts';
import type { Fd } from '../../host/fd.ts';
import { PeerFault, Silence } from '../../vhost-user/peer-fault.ts';
import {
  VHOST_USER_F_PROTOCOL_FEATURES,
  VHOST_USER_PROTOCOL_F_CONFIG,
  VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS,
  VHOST_USER_PROTOCOL_F_MQ,
} from '../../vhost-user/protocol-features.ts';
import { FRONT_END_REQUESTS } from '../../vhost-user/requests.ts';
import { hasFeature } from '../../virtio/features.ts';
import type { Bench } from '../bench.ts';
import { RING_ENTRIES } from '../driver-ring.ts';
import type { Peer } from '../peer.ts';
import { configBytes } from '../types.ts';
import { type Check, fail, notApplicable } from '../verdict.ts';

/** A ring that no device has. */
const RING_BEYOND = 250;
const PART = { offset: 4, size: 4 } as const;
const CONFIG_BYTES_ASKED = 256;

export const NEGOTIATION: readonly Check[] = [
  {
    id: 'version-1',
    title: 'It offers VIRTIO_F_VERSION_1',
    run({ facts: { features } }) {
      if (!hasFeature(features, VIRTIO_F_VERSION_1)) fail('it speaks only the legacy interface');
      return undefined;
    },
  },
  {
    id: 'protocol-features',
    title: 'It has protocol features',
    run({ facts: { features } }) {
      if (!hasFeature(features, VHOST_USER_F_PROTOCOL_FEATURES)) fail('it does not offer bit 30');
      return undefined;
    },
  },
  {
    id: 'features-stable',
    title: 'It offers the same whenever it is asked',
    run(bench) {
      using peer = bench.meet();
      const again = [1, 2].map(() => peer.ask('GET_FEATURES', undefined));
      if (again.some((features) => features !== bench.facts.features)) fail(`it offers ${again.map(hex).join(', ')}`);
      return undefined;
    },
  },
  {
    id: 'ack',
    title: 'It acknowledges what it was told, when it is asked to',
    run(bench) {
      using peer = meetWithAcks(bench);
      const status = peer.tell('SET_VRING_NUM', { index: 0, num: RING_ENTRIES });
      if (status !== 0n) fail(`it refuses SET_VRING_NUM of ring 0 (status ${status})`);
      return undefined;
    },
  },
  {
    id: 'ack-unasked',
    title: 'It does not acknowledge what it is not asked to',
    run(bench) {
      using peer = bench.meet();
      peer.send('SET_VRING_NUM', { index: 0, num: RING_ENTRIES });
      peer.send('GET_FEATURES', undefined);
      const answer = peer.receive();
      closeAll(answer?.fds ?? []);
      if (answer?.header.request === FRONT_END_REQUESTS.SET_VRING_NUM.id) fail('it answers SET_VRING_NUM');
      return undefined;
    },
  },
  {
    id: 'queue-count',
    title: 'It has as many queues as the device type, and no more than vhost-user can number',
    run({ facts: { queueCount, known, protocolFeatures = 0n } }) {
      if (!hasFeature(protocolFeatures, VHOST_USER_PROTOCOL_F_MQ)) notApplicable('it does not offer MQ');
      const wanted = known?.profile.queueCountMin ?? 1;
      if (queueCount! < wanted) fail(`it has ${queueCount}, and ${wanted} are needed`);
      return `${queueCount}`;
    },
  },
  {
    id: 'memory-regions',
    title: 'It maps at least 8 regions of memory',
    run({ facts: { regionCount, protocolFeatures = 0n } }) {
      if (!hasFeature(protocolFeatures, VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS)) {
        notApplicable('it does not offer CONFIGURE_MEM_SLOTS');
      }
      if (regionCount! < 8n) fail(`it maps ${regionCount}`);
      return `${regionCount}`;
    },
  },
  {
    id: 'config-stable',
    title: 'It shows the same config space twice',
    run(bench) {
      const [one, other] = [readConfig(bench), readConfig(bench)];
      if (hexOf(one) !== hexOf(other)) fail(`first ${hexOf(one)}, then ${hexOf(other)}`);
      return `${one.length} bytes`;
    },
  },
  {
    id: 'config-part',
    title: 'It shows a part of its config space where that lies',
    run(bench) {
      const whole = readConfig(bench);
      if (whole.length < PART.offset + PART.size) notApplicable(`its config space has ${whole.length} bytes`);
      const part = readConfig(bench, PART.offset, PART.size);
      const expected = whole.subarray(PART.offset, PART.offset + PART.size);
      if (hexOf(part) !== hexOf(expected)) fail(`at ${PART.offset} it shows ${hexOf(part)}, not ${hexOf(expected)}`);
      return undefined;
    },
  },
];

/** Questions that have no good answer: some back-ends end when they hear one. */
export const REFUSALS: readonly Check[] = [
  {
    id: 'ack-refuses',
    title: 'It does not acknowledge what it cannot do',
    run(bench) {
      using peer = meetWithAcks(bench);
      const status = tellOrEnd(peer, { index: RING_BEYOND, num: RING_ENTRIES });
      if (status === 0n) fail(`it says that ring ${RING_BEYOND}, which it does not have, is set up`);
      return typeof status === 'string' ? status : undefined;
    },
  },
  {
    id: 'config-beyond',
    title: 'It survives a question for more config space than there is',
    run(bench) {
      needConfig(bench);
      using peer = bench.meet();
      peer.send('GET_CONFIG', { offset: 0, flags: 0, bytes: new Uint8Array(CONFIG_BYTES_ASKED) });
      return bench.aftermath(peer);
    },
  },
];

function meetWithAcks(bench: Bench) {
  const peer = bench.meet();
  if (peer.hasAcks) return peer;
  peer[Symbol.dispose]();
  return notApplicable('it does not offer REPLY_ACK');
}

/** The status, or how the connection has ended, which is an answer too. */
function tellOrEnd(peer: Peer, ring: { readonly index: number; readonly num: number }): bigint | string | undefined {
  try {
    return peer.tell('SET_VRING_NUM', ring);
  } catch (error) {
    if (!(error instanceof PeerFault) || error instanceof Silence) throw error;
    return error.message;
  }
}

function closeAll(fds: readonly Fd[]): void {
  for (const fd of fds) fd[Symbol.dispose]();
}

function needConfig({ facts: { protocolFeatures = 0n } }: Bench): void {
  if (!hasFeature(protocolFeatures, VHOST_USER_PROTOCOL_F_CONFIG)) notApplicable('it does not offer CONFIG');
}

function readConfig(bench: Bench, offset = 0, size?: number): Uint8Array {
  needConfig(bench);
  const whole = bench.facts.known ? configBytes(bench.facts.known.profile) : 0;
  if (whole === 0) notApplicable('the size of its config space is not known');
  using peer = bench.meet();
  const { bytes } = peer.ask('GET_CONFIG', { offset, flags: 0, bytes: new Uint8Array(size ?? whole) });
  return bytes;
}

function hex(mask: bigint): string {
  return `0x${mask.toString(16)}`;
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
