/**
 * Persistent memory: linux/virtio_pmem.h.
 * GENERATED for arm64 by native-headers/generate.ts from linux-libc-dev 7.3.4-1~bpo13+1: change native-headers/manifest.json.
 */
import { u32, u64, struct } from '../base/layout.ts';

export const VIRTIO_PMEM_F_SHMEM_REGION = 0;
export const VIRTIO_PMEM_SHMEM_REGION_ID = 0;
export const VIRTIO_PMEM_REQ_TYPE_FLUSH = 0;

export const virtio_pmem_config = struct(16, {
  start: u64(0),
  size: u64(8),
});

export const virtio_pmem_resp = struct(4, {
  ret: u32(0),
});

export const virtio_pmem_req = struct(4, {
  type: u32(0),
});
