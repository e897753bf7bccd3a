/** The feature bits that are nobody's but the rings' and the transport's (virtio 1.4 §6), as masks. Devices add their own. */
import {
  VIRTIO_F_IN_ORDER,
  VIRTIO_F_RING_PACKED,
  VIRTIO_F_RING_RESET,
  VIRTIO_F_VERSION_1,
  VIRTIO_RING_F_EVENT_IDX,
  VIRTIO_RING_F_INDIRECT_DESC,
} from '../abi/virtio.ts';
import type { RingFeatures } from './ring.ts';

/** Feature bits are numbers, as in the headers; sets of them are masks, for they reach beyond 32. */
export function features(...bits: readonly number[]): bigint {
  return bits.reduce((mask, bit) => mask | (1n << BigInt(bit)), 0n);
}

export function hasFeature(mask: bigint, bit: number): boolean {
  return ((mask >> BigInt(bit)) & 1n) === 1n;
}

/** What a driver may accept of a device. */
export interface Offer {
  readonly features: bigint;
  /** What of it has to be accepted beside VIRTIO_F_VERSION_1, and what is said of a driver that does not. */
  readonly required?: { readonly features: bigint; readonly complaint: string } | undefined;
}

/**
 * Finishes "The driver accepts …" where that cannot be (§2.2.2): a feature that was not offered, or not one that neither we
 * nor the device can do without.
 */
export function complaintAbout(accepted: bigint, { features, required }: Offer): string | undefined {
  const unoffered = accepted & ~features;
  if (unoffered !== 0n) return `features that were not offered (0x${unoffered.toString(16)})`;
  if (!hasFeature(accepted, VIRTIO_F_VERSION_1)) return 'not VIRTIO_F_VERSION_1';
  return required && (required.features & ~accepted) !== 0n ? required.complaint : undefined;
}

/** What is offered beside the device's own bits. IN_ORDER only for devices that give every chain back in its turn. */
export function ringFeatures(offer: { packed: boolean; inOrder: boolean; ringReset: boolean }): bigint {
  return (
    features(VIRTIO_F_VERSION_1, VIRTIO_RING_F_INDIRECT_DESC, VIRTIO_RING_F_EVENT_IDX) |
    (offer.packed ? features(VIRTIO_F_RING_PACKED) : 0n) |
    (offer.inOrder ? features(VIRTIO_F_IN_ORDER) : 0n) |
    (offer.ringReset ? features(VIRTIO_F_RING_RESET) : 0n)
  );
}

/** What the rings have to know of the features that were negotiated. */
export function ringFeaturesOf(negotiated: bigint): RingFeatures {
  return {
    packed: hasFeature(negotiated, VIRTIO_F_RING_PACKED),
    indirect: hasFeature(negotiated, VIRTIO_RING_F_INDIRECT_DESC),
    eventIdx: hasFeature(negotiated, VIRTIO_RING_F_EVENT_IDX),
    inOrder: hasFeature(negotiated, VIRTIO_F_IN_ORDER),
  };
}
