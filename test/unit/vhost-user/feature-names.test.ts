import { expect, test } from 'vitest';
import { VIRTIO_ID_BLOCK, VIRTIO_ID_NET, VIRTIO_ID_VSOCK } from '../../../src/abi/virtio.ts';
import { featureNames, hasFeatureName, protocolFeatureNames } from '../../../src/vhost-user/feature-names.ts';
import * as protocol from '../../../src/vhost-user/protocol-features.ts';
import { features } from '../../../src/virtio/features.ts';

test('featureNames: the same bit is another thing for another device, and the same for all where it is the ring', () => {
  const mask = features(9, 29, 32);
  expect(featureNames(mask, VIRTIO_ID_BLOCK)[0]).toBe('VIRTIO_BLK_F_FLUSH');
  expect(featureNames(mask, VIRTIO_ID_NET)[0]).toBe('VIRTIO_NET_F_GUEST_ECN');
  expect(featureNames(mask, VIRTIO_ID_VSOCK)).toEqual(['bit 9', 'VIRTIO_RING_F_EVENT_IDX', 'VIRTIO_F_VERSION_1']);
  expect(featureNames(mask)).toEqual(['bit 9', 'VIRTIO_RING_F_EVENT_IDX', 'VIRTIO_F_VERSION_1']);
  expect(featureNames(0n)).toEqual([]);
  expect(featureNames(1n << 63n)).toEqual(['bit 63']);
});

test('featureNames: a bit with two names has the one of today', () => {
  expect(featureNames(features(33))).toEqual(['VIRTIO_F_ACCESS_PLATFORM']);
});

test('protocolFeatureNames: every bit of the table', () => {
  const bits = Object.entries(protocol).filter(([name]) => name.startsWith('VHOST_USER_PROTOCOL_F_'));
  for (const [name, bit] of bits) expect(protocolFeatureNames(features(bit))).toEqual([name]);
});

test('hasFeatureName: of a type that is not known, nothing is known', () => {
  expect(hasFeatureName(9, VIRTIO_ID_BLOCK)).toBe(true);
  expect(hasFeatureName(8, VIRTIO_ID_BLOCK)).toBe(false);
  expect(hasFeatureName(0, 63)).toBeUndefined();
});
