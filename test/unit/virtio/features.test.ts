import { expect, test } from 'vitest';
import { VIRTIO_F_ACCESS_PLATFORM, VIRTIO_F_VERSION_1 } from '../../../src/abi/virtio.ts';
import { complaintAbout, features } from '../../../src/virtio/features.ts';

const PLATFORM = features(VIRTIO_F_ACCESS_PLATFORM);
const MODERN = features(VIRTIO_F_VERSION_1);

test('complaintAbout: what was not offered, and what neither side can do without', () => {
  const offer = { features: MODERN | PLATFORM, required: { features: PLATFORM, complaint: 'no pool' } };
  expect(complaintAbout(MODERN | PLATFORM, offer)).toBeUndefined();
  expect(complaintAbout(MODERN, offer)).toBe('no pool');
  expect(complaintAbout(MODERN, { features: offer.features })).toBeUndefined();
  expect(complaintAbout(PLATFORM, offer)).toBe('not VIRTIO_F_VERSION_1');
  expect(complaintAbout(MODERN | PLATFORM | 1n, offer)).toBe('features that were not offered (0x1)');
});
