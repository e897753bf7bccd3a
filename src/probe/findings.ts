/** What is wrong with a back-end, or good to know about it, as far as that can be said without starting a ring. */
import {
  VIRTIO_F_ADMIN_VQ,
  VIRTIO_F_NOTIF_CONFIG_DATA,
  VIRTIO_F_NOTIFICATION_DATA,
  VIRTIO_F_NOTIFY_ON_EMPTY,
  VIRTIO_F_SR_IOV,
  VIRTIO_F_VERSION_1,
  VIRTIO_ID_BLOCK,
} from '../abi/virtio.ts';
import { VIRTIO_BLK_F_MQ, VIRTIO_BLK_F_SEG_MAX, VIRTIO_BLK_F_SIZE_MAX, virtio_blk_config } from '../abi/virtio-blk.ts';
import { unpack } from '../base/layout.ts';
import { bitsOf, featureNames, hasFeatureName, protocolFeatureNames } from '../vhost-user/feature-names.ts';
import {
  VHOST_USER_PROTOCOL_F_BACKEND_REQ,
  VHOST_USER_PROTOCOL_F_CONFIG,
  VHOST_USER_PROTOCOL_F_GPA_ADDRESSES,
  VHOST_USER_PROTOCOL_F_INBAND_NOTIFICATIONS,
  VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD,
  VHOST_USER_PROTOCOL_F_REPLY_ACK,
  VHOST_USER_PROTOCOL_F_SHMEM,
} from '../vhost-user/protocol-features.ts';
import { hasFeature, features as mask } from '../virtio/features.ts';
import type { Facts } from './inspect.ts';
import { configBytes, isOwnBit } from './types.ts';

/** `error`: orko-vmm cannot use it. `warning`: something will not work. `note`: good to know. */
export type Severity = 'error' | 'warning' | 'note';

export interface Finding {
  readonly severity: Severity;
  readonly text: string;
}

/** Bits of the transport, which is not the back-end's (virtio 1.4 §6). */
const TRANSPORT = mask(
  ...[VIRTIO_F_NOTIFY_ON_EMPTY, VIRTIO_F_SR_IOV, VIRTIO_F_NOTIFICATION_DATA],
  ...[VIRTIO_F_NOTIF_CONFIG_DATA, VIRTIO_F_ADMIN_VQ],
);
const NAMED_PROTOCOL_BITS = 24;

export function findingsOf(facts: Facts): readonly Finding[] {
  return [...aboutFeatures(facts), ...aboutProtocol(facts), ...aboutType(facts)];
}

function* aboutFeatures({ features, known }: Facts): Generator<Finding> {
  if (!hasFeature(features, VIRTIO_F_VERSION_1)) {
    yield { severity: 'error', text: 'It does not offer VIRTIO_F_VERSION_1: it speaks only the legacy interface' };
  }
  const strange = bitsOf(features).filter((bit) => known && isOwnBit(bit) && !hasFeatureName(bit, known.profile.id));
  if (strange.length > 0) {
    const text = `It offers bits ${strange.join(', ')}, which ${known!.type} does not have: it may be of another type`;
    yield { severity: 'warning', text };
  }
  if ((features & TRANSPORT) !== 0n) {
    const names = featureNames(features & TRANSPORT).join(', ');
    yield { severity: 'note', text: `It offers ${names}: no driver gets to see that` };
  }
}

function* aboutProtocol({ protocolFeatures, queueCount, regionCount }: Facts): Generator<Finding> {
  if (protocolFeatures === undefined) {
    const text =
      'It has no protocol features: no config space, no queue count, and it never says that something failed';
    yield { severity: 'warning', text };
    return;
  }
  const has = (feature: number) => hasFeature(protocolFeatures, feature);
  if (!has(VHOST_USER_PROTOCOL_F_REPLY_ACK)) {
    const text = 'It lacks VHOST_USER_PROTOCOL_F_REPLY_ACK: what it refuses is not noticed';
    yield { severity: 'warning', text };
  }
  if (has(VHOST_USER_PROTOCOL_F_CONFIG) && !has(VHOST_USER_PROTOCOL_F_BACKEND_REQ)) {
    const text = 'It lacks VHOST_USER_PROTOCOL_F_BACKEND_REQ: it cannot say that its config space has changed';
    yield { severity: 'note', text };
  }
  if (has(VHOST_USER_PROTOCOL_F_GPA_ADDRESSES)) {
    const text = 'It offers protocol bit 21, by which vhost of rust-vmm up to 0.16 means SHMEM: it is never accepted';
    yield { severity: 'note', text };
  }
  if (has(VHOST_USER_PROTOCOL_F_INBAND_NOTIFICATIONS) && !has(VHOST_USER_PROTOCOL_F_BACKEND_REQ)) {
    yield { severity: 'warning', text: 'It offers INBAND_NOTIFICATIONS without BACKEND_REQ, on which they would come' };
  }
  if (has(VHOST_USER_PROTOCOL_F_SHMEM) && !has(VHOST_USER_PROTOCOL_F_BACKEND_REQ)) {
    yield { severity: 'warning', text: 'It offers SHMEM without BACKEND_REQ, on which it would show memory' };
  }
  const unknown = bitsOf(protocolFeatures).filter((bit) => bit >= NAMED_PROTOCOL_BITS);
  if (unknown.length > 0) {
    const names = protocolFeatureNames(mask(...unknown)).join(', ');
    yield { severity: 'note', text: `It offers protocol features that the specification does not have: ${names}` };
  }
  if (queueCount === 0n) yield { severity: 'error', text: 'It has no queues (GET_QUEUE_NUM)' };
  if (regionCount === 0n) yield { severity: 'error', text: 'It maps no memory at all (GET_MAX_MEM_SLOTS)' };
}

function* aboutType(facts: Facts): Generator<Finding> {
  const { known, guesses, protocolFeatures = 0n, queueCount, config } = facts;
  if (known === undefined) {
    const could = guesses.length > 0 ? `it could be ${guesses.join(', ')}` : 'it is none that orko-vmm knows';
    yield { severity: 'note', text: `Its type cannot be told from what it offers: ${could}; say it with --type` };
    return;
  }
  const { type, profile } = known;
  const wanted = profile.queueCountMin;
  if (queueCount !== undefined && queueCount < wanted) {
    yield { severity: 'error', text: `It has ${queueCount} queues, and ${type} has ${wanted}` };
  }
  const size = configBytes(profile);
  if (size > 0 && !hasFeature(protocolFeatures, VHOST_USER_PROTOCOL_F_CONFIG)) {
    yield { severity: 'error', text: `It has no config space to show, and ${type} has one of ${size} bytes` };
  }
  if (typeof config === 'string') {
    yield { severity: 'error', text: `It does not show its config space of ${size} bytes: ${config}` };
  }
  if (profile.goesOn !== 'always' && !hasFeature(protocolFeatures, VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD)) {
    const text =
      'It keeps no notes of what it has in hand (INFLIGHT_SHMFD): lost while it works, it cannot be replaced';
    yield { severity: 'note', text };
  }
  if (profile.id === VIRTIO_ID_BLOCK && config instanceof Uint8Array) yield* aboutDisk(facts, config);
}

function* aboutDisk({ features, queueCount }: Facts, bytes: Uint8Array): Generator<Finding> {
  const padded = new Uint8Array(virtio_blk_config.size);
  padded.set(bytes);
  const { capacity, num_queues, size_max, seg_max } = unpack(virtio_blk_config, padded);
  if (capacity === 0n) yield { severity: 'warning', text: 'The disk has no sectors' };
  const empty = [
    ...(hasFeature(features, VIRTIO_BLK_F_SIZE_MAX) && size_max === 0
      ? ['VIRTIO_BLK_F_SIZE_MAX with a size_max of 0']
      : []),
    ...(hasFeature(features, VIRTIO_BLK_F_SEG_MAX) && seg_max === 0
      ? ['VIRTIO_BLK_F_SEG_MAX with a seg_max of 0']
      : []),
  ];
  for (const what of empty) yield { severity: 'note', text: `It offers ${what}: no request can keep to that` };
  if (!hasFeature(features, VIRTIO_BLK_F_MQ)) return;
  if (num_queues === 0) yield { severity: 'warning', text: 'It offers VIRTIO_BLK_F_MQ and 0 queues (num_queues)' };
  if (queueCount !== undefined && BigInt(num_queues) > queueCount) {
    const text = `Its config space says ${num_queues} queues, and GET_QUEUE_NUM says ${queueCount}`;
    yield { severity: 'warning', text };
  }
}
