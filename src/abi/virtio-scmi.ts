/**
 * The SCMI channel: linux/virtio_scmi.h.
 * GENERATED for arm64 by native-headers/generate.ts from linux-libc-dev 7.3.4-1~bpo13+1: change native-headers/manifest.json.
 */
export const VIRTIO_SCMI_F_P2A_CHANNELS = 0;
export const VIRTIO_SCMI_F_SHARED_MEMORY = 1;
export const VIRTIO_SCMI_VQ_TX = 0;
export const VIRTIO_SCMI_VQ_RX = 1;
export const VIRTIO_SCMI_VQ_MAX_CNT = 2;
