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
