/**
 * Buffers of devices as file descriptors, and how pixels lie in them: linux/dma-buf.h, drm/drm_fourcc.h.
 * GENERATED for arm64 by native-headers/generate.ts from linux-libc-dev 7.3.4-1~bpo13+1: change native-headers/manifest.json.
 */
import { u64, struct } from '../base/layout.ts';

export const DMA_BUF_SYNC_READ = 1;
export const DMA_BUF_SYNC_START = 0;
export const DMA_BUF_SYNC_END = 4;
export const DMA_BUF_IOCTL_SYNC = 0x40086200;
export const DRM_FORMAT_XRGB8888 = 0x34325258;
export const DRM_FORMAT_XBGR8888 = 0x34324258;
export const DRM_FORMAT_ARGB8888 = 0x34325241;
export const DRM_FORMAT_ABGR8888 = 0x34324241;

export const dma_buf_sync = struct(8, {
  flags: u64(0),
});
