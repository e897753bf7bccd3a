/**
 * The graphics adapter: linux/virtio_gpu.h.
 * GENERATED for arm64 by native-headers/generate.ts from linux-libc-dev 7.3.4-1~bpo13+1: change native-headers/manifest.json.
 */
import { bytes, u32, u64, u8, struct } from '../base/layout.ts';

export const VIRTIO_GPU_F_VIRGL = 0;
export const VIRTIO_GPU_F_EDID = 1;
export const VIRTIO_GPU_F_RESOURCE_UUID = 2;
export const VIRTIO_GPU_F_RESOURCE_BLOB = 3;
export const VIRTIO_GPU_F_CONTEXT_INIT = 4;
export const VIRTIO_GPU_F_BLOB_ALIGNMENT = 5;
export const VIRTIO_GPU_FLAG_FENCE = 1;
export const VIRTIO_GPU_FLAG_INFO_RING_IDX = 2;
export const VIRTIO_GPU_MAX_SCANOUTS = 16;
export const VIRTIO_GPU_RESOURCE_FLAG_Y_0_TOP = 1;
export const VIRTIO_GPU_CONTEXT_INIT_CAPSET_ID_MASK = 0xff;
export const VIRTIO_GPU_CAPSET_VIRGL = 1;
export const VIRTIO_GPU_CAPSET_VIRGL2 = 2;
export const VIRTIO_GPU_CAPSET_GFXSTREAM_VULKAN = 3;
export const VIRTIO_GPU_CAPSET_VENUS = 4;
export const VIRTIO_GPU_CAPSET_CROSS_DOMAIN = 5;
export const VIRTIO_GPU_CAPSET_DRM = 6;
export const VIRTIO_GPU_EVENT_DISPLAY = 1;
export const VIRTIO_GPU_BLOB_MEM_GUEST = 1;
export const VIRTIO_GPU_BLOB_MEM_HOST3D = 2;
export const VIRTIO_GPU_BLOB_MEM_HOST3D_GUEST = 3;
export const VIRTIO_GPU_BLOB_FLAG_USE_MAPPABLE = 1;
export const VIRTIO_GPU_BLOB_FLAG_USE_SHAREABLE = 2;
export const VIRTIO_GPU_BLOB_FLAG_USE_CROSS_DEVICE = 4;
export const VIRTIO_GPU_MAP_CACHE_MASK = 0xf;
export const VIRTIO_GPU_MAP_CACHE_NONE = 0;
export const VIRTIO_GPU_MAP_CACHE_CACHED = 1;
export const VIRTIO_GPU_MAP_CACHE_UNCACHED = 2;
export const VIRTIO_GPU_MAP_CACHE_WC = 3;
export const VIRTIO_GPU_UNDEFINED = 0;
export const VIRTIO_GPU_CMD_GET_DISPLAY_INFO = 0x100;
export const VIRTIO_GPU_CMD_RESOURCE_CREATE_2D = 0x101;
export const VIRTIO_GPU_CMD_RESOURCE_UNREF = 0x102;
export const VIRTIO_GPU_CMD_SET_SCANOUT = 0x103;
export const VIRTIO_GPU_CMD_RESOURCE_FLUSH = 0x104;
export const VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D = 0x105;
export const VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING = 0x106;
export const VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING = 0x107;
export const VIRTIO_GPU_CMD_GET_CAPSET_INFO = 0x108;
export const VIRTIO_GPU_CMD_GET_CAPSET = 0x109;
export const VIRTIO_GPU_CMD_GET_EDID = 0x10a;
export const VIRTIO_GPU_CMD_RESOURCE_ASSIGN_UUID = 0x10b;
export const VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB = 0x10c;
export const VIRTIO_GPU_CMD_SET_SCANOUT_BLOB = 0x10d;
export const VIRTIO_GPU_CMD_CTX_CREATE = 0x200;
export const VIRTIO_GPU_CMD_CTX_DESTROY = 0x201;
export const VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE = 0x202;
export const VIRTIO_GPU_CMD_CTX_DETACH_RESOURCE = 0x203;
export const VIRTIO_GPU_CMD_RESOURCE_CREATE_3D = 0x204;
export const VIRTIO_GPU_CMD_TRANSFER_TO_HOST_3D = 0x205;
export const VIRTIO_GPU_CMD_TRANSFER_FROM_HOST_3D = 0x206;
export const VIRTIO_GPU_CMD_SUBMIT_3D = 0x207;
export const VIRTIO_GPU_CMD_RESOURCE_MAP_BLOB = 0x208;
export const VIRTIO_GPU_CMD_RESOURCE_UNMAP_BLOB = 0x209;
export const VIRTIO_GPU_CMD_UPDATE_CURSOR = 0x300;
export const VIRTIO_GPU_CMD_MOVE_CURSOR = 0x301;
export const VIRTIO_GPU_RESP_OK_NODATA = 0x1100;
export const VIRTIO_GPU_RESP_OK_DISPLAY_INFO = 0x1101;
export const VIRTIO_GPU_RESP_OK_CAPSET_INFO = 0x1102;
export const VIRTIO_GPU_RESP_OK_CAPSET = 0x1103;
export const VIRTIO_GPU_RESP_OK_EDID = 0x1104;
export const VIRTIO_GPU_RESP_OK_RESOURCE_UUID = 0x1105;
export const VIRTIO_GPU_RESP_OK_MAP_INFO = 0x1106;
export const VIRTIO_GPU_RESP_ERR_UNSPEC = 0x1200;
export const VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY = 0x1201;
export const VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID = 0x1202;
export const VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID = 0x1203;
export const VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID = 0x1204;
export const VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER = 0x1205;
export const VIRTIO_GPU_SHM_ID_UNDEFINED = 0;
export const VIRTIO_GPU_SHM_ID_HOST_VISIBLE = 1;
export const VIRTIO_GPU_FORMAT_B8G8R8A8_UNORM = 1;
export const VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM = 2;
export const VIRTIO_GPU_FORMAT_A8R8G8B8_UNORM = 3;
export const VIRTIO_GPU_FORMAT_X8R8G8B8_UNORM = 4;
export const VIRTIO_GPU_FORMAT_R8G8B8A8_UNORM = 67;
export const VIRTIO_GPU_FORMAT_X8B8G8R8_UNORM = 68;
export const VIRTIO_GPU_FORMAT_A8B8G8R8_UNORM = 121;
export const VIRTIO_GPU_FORMAT_R8G8B8X8_UNORM = 134;

export const virtio_gpu_ctrl_hdr = struct(24, {
  type: u32(0),
  flags: u32(4),
  fence_id: u64(8),
  ctx_id: u32(16),
  ring_idx: u8(20),
  padding: bytes(21, 3),
});

export const virtio_gpu_cursor_pos = struct(16, {
  scanout_id: u32(0),
  x: u32(4),
  y: u32(8),
  padding: u32(12),
});

export const virtio_gpu_update_cursor = struct(56, {
  'hdr.type': u32(0),
  'hdr.flags': u32(4),
  'hdr.fence_id': u64(8),
  'hdr.ctx_id': u32(16),
  'hdr.ring_idx': u8(20),
  'hdr.padding': bytes(21, 3),
  'pos.scanout_id': u32(24),
  'pos.x': u32(28),
  'pos.y': u32(32),
  'pos.padding': u32(36),
  resource_id: u32(40),
  hot_x: u32(44),
  hot_y: u32(48),
  padding: u32(52),
});

export const virtio_gpu_rect = struct(16, {
  x: u32(0),
  y: u32(4),
  width: u32(8),
  height: u32(12),
});

export const virtio_gpu_resource_unref = struct(32, {
  'hdr.type': u32(0),
  'hdr.flags': u32(4),
  'hdr.fence_id': u64(8),
  'hdr.ctx_id': u32(16),
  'hdr.ring_idx': u8(20),
  'hdr.padding': bytes(21, 3),
  resource_id: u32(24),
  padding: u32(28),
});

export const virtio_gpu_resource_create_2d = struct(40, {
  'hdr.type': u32(0),
  'hdr.flags': u32(4),
  'hdr.fence_id': u64(8),
  'hdr.ctx_id': u32(16),
  'hdr.ring_idx': u8(20),
  'hdr.padding': bytes(21, 3),
  resource_id: u32(24),
  format: u32(28),
  width: u32(32),
  height: u32(36),
});

export const virtio_gpu_set_scanout = struct(48, {
  'hdr.type': u32(0),
  'hdr.flags': u32(4),
  'hdr.fence_id': u64(8),
  'hdr.ctx_id': u32(16),
  'hdr.ring_idx': u8(20),
  'hdr.padding': bytes(21, 3),
  'r.x': u32(24),
  'r.y': u32(28),
  'r.width': u32(32),
  'r.height': u32(36),
  scanout_id: u32(40),
  resource_id: u32(44),
});

export const virtio_gpu_resource_flush = struct(48, {
  'hdr.type': u32(0),
  'hdr.flags': u32(4),
  'hdr.fence_id': u64(8),
  'hdr.ctx_id': u32(16),
  'hdr.ring_idx': u8(20),
  'hdr.padding': bytes(21, 3),
  'r.x': u32(24),
  'r.y': u32(28),
  'r.width': u32(32),
  'r.height': u32(36),
  resource_id: u32(40),
  padding: u32(44),
});

export const virtio_gpu_transfer_to_host_2d = struct(56, {
  'hdr.type': u32(0),
  'hdr.flags': u32(4),
  'hdr.fence_id': u64(8),
  'hdr.ctx_id': u32(16),
  'hdr.ring_idx': u8(20),
  'hdr.padding': bytes(21, 3),
  'r.x': u32(24),
  'r.y': u32(28),
  'r.width': u32(32),
  'r.height': u32(36),
  offset: u64(40),
  resource_id: u32(48),
  padding: u32(52),
});

export const virtio_gpu_mem_entry = struct(16, {
  addr: u64(0),
  length: u32(8),
  padding: u32(12),
});

export const virtio_gpu_resource_attach_backing = struct(32, {
  'hdr.type': u32(0),
  'hdr.flags': u32(4),
  'hdr.fence_id': u64(8),
  'hdr.ctx_id': u32(16),
  'hdr.ring_idx': u8(20),
  'hdr.padding': bytes(21, 3),
  resource_id: u32(24),
  nr_entries: u32(28),
});

export const virtio_gpu_resource_detach_backing = struct(32, {
  'hdr.type': u32(0),
  'hdr.flags': u32(4),
  'hdr.fence_id': u64(8),
  'hdr.ctx_id': u32(16),
  'hdr.ring_idx': u8(20),
  'hdr.padding': bytes(21, 3),
  resource_id: u32(24),
  padding: u32(28),
});

export const virtio_gpu_display_one = struct(24, {
  'r.x': u32(0),
  'r.y': u32(4),
  'r.width': u32(8),
  'r.height': u32(12),
  enabled: u32(16),
  flags: u32(20),
});

export const virtio_gpu_resp_display_info = struct(408, {
  'hdr.type': u32(0),
  'hdr.flags': u32(4),
  'hdr.fence_id': u64(8),
  'hdr.ctx_id': u32(16),
  'hdr.ring_idx': u8(20),
  'hdr.padding': bytes(21, 3),
  pmodes: bytes(24, 384),
});

export const virtio_gpu_box = struct(24, {
  x: u32(0),
  y: u32(4),
  z: u32(8),
  w: u32(12),
  h: u32(16),
  d: u32(20),
});

export const virtio_gpu_transfer_host_3d = struct(72, {
  'hdr.type': u32(0),
  'hdr.flags': u32(4),
  'hdr.fence_id': u64(8),
  'hdr.ctx_id': u32(16),
  'hdr.ring_idx': u8(20),
  'hdr.padding': bytes(21, 3),
  'box.x': u32(24),
  'box.y': u32(28),
  'box.z': u32(32),
  'box.w': u32(36),
  'box.h': u32(40),
  'box.d': u32(44),
  offset: u64(48),
  resource_id: u32(56),
  level: u32(60),
  stride: u32(64),
  layer_stride: u32(68),
});

export const virtio_gpu_resource_create_3d = struct(72, {
  'hdr.type': u32(0),
  'hdr.flags': u32(4),
  'hdr.fence_id': u64(8),
  'hdr.ctx_id': u32(16),
  'hdr.ring_idx': u8(20),
  'hdr.padding': bytes(21, 3),
  resource_id: u32(24),
  target: u32(28),
  format: u32(32),
  bind: u32(36),
  width: u32(40),
  height: u32(44),
  depth: u32(48),
  array_size: u32(52),
  last_level: u32(56),
  nr_samples: u32(60),
  flags: u32(64),
  padding: u32(68),
});

export const virtio_gpu_ctx_create = struct(96, {
  'hdr.type': u32(0),
  'hdr.flags': u32(4),
  'hdr.fence_id': u64(8),
  'hdr.ctx_id': u32(16),
  'hdr.ring_idx': u8(20),
  'hdr.padding': bytes(21, 3),
  nlen: u32(24),
  context_init: u32(28),
  debug_name: bytes(32, 64),
});

export const virtio_gpu_ctx_destroy = struct(24, {
  'hdr.type': u32(0),
  'hdr.flags': u32(4),
  'hdr.fence_id': u64(8),
  'hdr.ctx_id': u32(16),
  'hdr.ring_idx': u8(20),
  'hdr.padding': bytes(21, 3),
});

export const virtio_gpu_ctx_resource = struct(32, {
  'hdr.type': u32(0),
  'hdr.flags': u32(4),
  'hdr.fence_id': u64(8),
  'hdr.ctx_id': u32(16),
  'hdr.ring_idx': u8(20),
  'hdr.padding': bytes(21, 3),
  resource_id: u32(24),
  padding: u32(28),
});

export const virtio_gpu_cmd_submit = struct(32, {
  'hdr.type': u32(0),
  'hdr.flags': u32(4),
  'hdr.fence_id': u64(8),
  'hdr.ctx_id': u32(16),
  'hdr.ring_idx': u8(20),
  'hdr.padding': bytes(21, 3),
  size: u32(24),
  padding: u32(28),
});

export const virtio_gpu_get_capset_info = struct(32, {
  'hdr.type': u32(0),
  'hdr.flags': u32(4),
  'hdr.fence_id': u64(8),
  'hdr.ctx_id': u32(16),
  'hdr.ring_idx': u8(20),
  'hdr.padding': bytes(21, 3),
  capset_index: u32(24),
  padding: u32(28),
});

export const virtio_gpu_resp_capset_info = struct(40, {
  'hdr.type': u32(0),
  'hdr.flags': u32(4),
  'hdr.fence_id': u64(8),
  'hdr.ctx_id': u32(16),
  'hdr.ring_idx': u8(20),
  'hdr.padding': bytes(21, 3),
  capset_id: u32(24),
  capset_max_version: u32(28),
  capset_max_size: u32(32),
  padding: u32(36),
});

export const virtio_gpu_get_capset = struct(32, {
  'hdr.type': u32(0),
  'hdr.flags': u32(4),
  'hdr.fence_id': u64(8),
  'hdr.ctx_id': u32(16),
  'hdr.ring_idx': u8(20),
  'hdr.padding': bytes(21, 3),
  capset_id: u32(24),
  capset_version: u32(28),
});

export const virtio_gpu_resp_capset = struct(24, {
  'hdr.type': u32(0),
  'hdr.flags': u32(4),
  'hdr.fence_id': u64(8),
  'hdr.ctx_id': u32(16),
  'hdr.ring_idx': u8(20),
  'hdr.padding': bytes(21, 3),
  capset_data: bytes(24, 0),
});

export const virtio_gpu_cmd_get_edid = struct(32, {
  'hdr.type': u32(0),
  'hdr.flags': u32(4),
  'hdr.fence_id': u64(8),
  'hdr.ctx_id': u32(16),
  'hdr.ring_idx': u8(20),
  'hdr.padding': bytes(21, 3),
  scanout: u32(24),
  padding: u32(28),
});

export const virtio_gpu_resp_edid = struct(1056, {
  'hdr.type': u32(0),
  'hdr.flags': u32(4),
  'hdr.fence_id': u64(8),
  'hdr.ctx_id': u32(16),
  'hdr.ring_idx': u8(20),
  'hdr.padding': bytes(21, 3),
  size: u32(24),
  padding: u32(28),
  edid: bytes(32, 1024),
});

export const virtio_gpu_config = struct(20, {
  events_read: u32(0),
  events_clear: u32(4),
  num_scanouts: u32(8),
  num_capsets: u32(12),
  blob_alignment: u32(16),
});

export const virtio_gpu_resource_assign_uuid = struct(32, {
  'hdr.type': u32(0),
  'hdr.flags': u32(4),
  'hdr.fence_id': u64(8),
  'hdr.ctx_id': u32(16),
  'hdr.ring_idx': u8(20),
  'hdr.padding': bytes(21, 3),
  resource_id: u32(24),
  padding: u32(28),
});

export const virtio_gpu_resp_resource_uuid = struct(40, {
  'hdr.type': u32(0),
  'hdr.flags': u32(4),
  'hdr.fence_id': u64(8),
  'hdr.ctx_id': u32(16),
  'hdr.ring_idx': u8(20),
  'hdr.padding': bytes(21, 3),
  uuid: bytes(24, 16),
});

export const virtio_gpu_resource_create_blob = struct(56, {
  'hdr.type': u32(0),
  'hdr.flags': u32(4),
  'hdr.fence_id': u64(8),
  'hdr.ctx_id': u32(16),
  'hdr.ring_idx': u8(20),
  'hdr.padding': bytes(21, 3),
  resource_id: u32(24),
  blob_mem: u32(28),
  blob_flags: u32(32),
  nr_entries: u32(36),
  blob_id: u64(40),
  size: u64(48),
});

export const virtio_gpu_set_scanout_blob = struct(96, {
  'hdr.type': u32(0),
  'hdr.flags': u32(4),
  'hdr.fence_id': u64(8),
  'hdr.ctx_id': u32(16),
  'hdr.ring_idx': u8(20),
  'hdr.padding': bytes(21, 3),
  'r.x': u32(24),
  'r.y': u32(28),
  'r.width': u32(32),
  'r.height': u32(36),
  scanout_id: u32(40),
  resource_id: u32(44),
  width: u32(48),
  height: u32(52),
  format: u32(56),
  padding: u32(60),
  strides: bytes(64, 16),
  offsets: bytes(80, 16),
});

export const virtio_gpu_resource_map_blob = struct(40, {
  'hdr.type': u32(0),
  'hdr.flags': u32(4),
  'hdr.fence_id': u64(8),
  'hdr.ctx_id': u32(16),
  'hdr.ring_idx': u8(20),
  'hdr.padding': bytes(21, 3),
  resource_id: u32(24),
  padding: u32(28),
  offset: u64(32),
});

export const virtio_gpu_resp_map_info = struct(32, {
  'hdr.type': u32(0),
  'hdr.flags': u32(4),
  'hdr.fence_id': u64(8),
  'hdr.ctx_id': u32(16),
  'hdr.ring_idx': u8(20),
  'hdr.padding': bytes(21, 3),
  map_info: u32(24),
  padding: u32(28),
});

export const virtio_gpu_resource_unmap_blob = struct(32, {
  'hdr.type': u32(0),
  'hdr.flags': u32(4),
  'hdr.fence_id': u64(8),
  'hdr.ctx_id': u32(16),
  'hdr.ring_idx': u8(20),
  'hdr.padding': bytes(21, 3),
  resource_id: u32(24),
  padding: u32(28),
});
