/**
 * The shared file system: linux/virtio_fs.h.
 * GENERATED for arm64 by native-headers/generate.ts from linux-libc-dev 7.3.4-1~bpo13+1: change native-headers/manifest.json.
 */
import { bytes, u32, struct } from '../base/layout.ts';

export const VIRTIO_FS_SHMCAP_ID_CACHE = 0;

export const virtio_fs_config = struct(40, {
  tag: bytes(0, 36),
  num_request_queues: u32(36),
});
