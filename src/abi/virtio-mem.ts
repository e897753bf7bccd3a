/**
 * Hot-plugged memory: linux/virtio_mem.h.
 * GENERATED for arm64 by native-headers/generate.ts from linux-libc-dev 7.3.4-1~bpo13+1: change native-headers/manifest.json.
 */
import { bytes, u16, u64, struct } from '../base/layout.ts';

export const VIRTIO_MEM_F_ACPI_PXM = 0;
export const VIRTIO_MEM_F_UNPLUGGED_INACCESSIBLE = 1;
export const VIRTIO_MEM_F_PERSISTENT_SUSPEND = 2;
export const VIRTIO_MEM_REQ_PLUG = 0;
export const VIRTIO_MEM_REQ_UNPLUG = 1;
export const VIRTIO_MEM_REQ_UNPLUG_ALL = 2;
export const VIRTIO_MEM_REQ_STATE = 3;
export const VIRTIO_MEM_RESP_ACK = 0;
export const VIRTIO_MEM_RESP_NACK = 1;
export const VIRTIO_MEM_RESP_BUSY = 2;
export const VIRTIO_MEM_RESP_ERROR = 3;
export const VIRTIO_MEM_STATE_PLUGGED = 0;
export const VIRTIO_MEM_STATE_UNPLUGGED = 1;
export const VIRTIO_MEM_STATE_MIXED = 2;

export const virtio_mem_req_plug = struct(16, {
  addr: u64(0),
  nb_blocks: u16(8),
  padding: bytes(10, 6),
});

export const virtio_mem_req_unplug = struct(16, {
  addr: u64(0),
  nb_blocks: u16(8),
  padding: bytes(10, 6),
});

export const virtio_mem_req_state = struct(16, {
  addr: u64(0),
  nb_blocks: u16(8),
  padding: bytes(10, 6),
});

export const virtio_mem_req = struct(24, {
  type: u16(0),
  padding: bytes(2, 6),
  'u.plug.addr': u64(8),
  'u.plug.nb_blocks': u16(16),
  'u.plug.padding': bytes(18, 6),
  'u.unplug.addr': u64(8),
  'u.unplug.nb_blocks': u16(16),
  'u.unplug.padding': bytes(18, 6),
  'u.state.addr': u64(8),
  'u.state.nb_blocks': u16(16),
  'u.state.padding': bytes(18, 6),
});

export const virtio_mem_resp_state = struct(2, {
  state: u16(0),
});

export const virtio_mem_resp = struct(10, {
  type: u16(0),
  padding: bytes(2, 6),
  'u.state.state': u16(8),
});

export const virtio_mem_config = struct(56, {
  block_size: u64(0),
  node_id: u16(8),
  padding: bytes(10, 6),
  addr: u64(16),
  region_size: u64(24),
  usable_region_size: u64(32),
  plugged_size: u64(40),
  requested_size: u64(48),
});
