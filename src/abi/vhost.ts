/**
 * Kernel vhost, and the structs vhost-user borrows: linux/vhost.h and linux/vhost_types.h.
 * GENERATED for arm64 by native-headers/generate.ts from linux-libc-dev 7.3.4-1~bpo13+1: change native-headers/manifest.json.
 */
import { bytes, s32, u16, u32, u64, u8, struct } from '../base/layout.ts';

export const VHOST_VRING_F_LOG = 0;
export const VHOST_ACCESS_RO = 1;
export const VHOST_ACCESS_WO = 2;
export const VHOST_ACCESS_RW = 3;
export const VHOST_IOTLB_MISS = 1;
export const VHOST_IOTLB_UPDATE = 2;
export const VHOST_IOTLB_INVALIDATE = 3;
export const VHOST_IOTLB_ACCESS_FAIL = 4;
export const VHOST_IOTLB_BATCH_BEGIN = 5;
export const VHOST_IOTLB_BATCH_END = 6;
export const VHOST_IOTLB_MSG = 1;
export const VHOST_IOTLB_MSG_V2 = 2;
export const VHOST_PAGE_SIZE = 0x1000;
export const VHOST_SCSI_ABI_VERSION = 1;
export const VHOST_F_LOG_ALL = 26;
export const VHOST_NET_F_VIRTIO_NET_HDR = 27;
export const VHOST_BACKEND_F_IOTLB_MSG_V2 = 1;
export const VHOST_BACKEND_F_IOTLB_BATCH = 2;
export const VHOST_BACKEND_F_IOTLB_ASID = 3;
export const VHOST_BACKEND_F_SUSPEND = 4;
export const VHOST_BACKEND_F_RESUME = 5;
export const VHOST_BACKEND_F_ENABLE_AFTER_DRIVER_OK = 6;
export const VHOST_BACKEND_F_DESC_ASID = 7;
export const VHOST_BACKEND_F_IOTLB_PERSIST = 8;
export const VHOST_FILE_UNBIND = -1;
export const VHOST_VIRTIO = 0xaf;
export const VHOST_GET_FEATURES = 0x8008af00;
export const VHOST_SET_FEATURES = 0x4008af00;
export const VHOST_SET_OWNER = 0xaf01;
export const VHOST_RESET_OWNER = 0xaf02;
export const VHOST_SET_MEM_TABLE = 0x4008af03;
export const VHOST_SET_LOG_BASE = 0x4008af04;
export const VHOST_SET_LOG_FD = 0x4004af07;
export const VHOST_NEW_WORKER = 0x8004af08;
export const VHOST_FREE_WORKER = 0x4004af09;
export const VHOST_SET_VRING_NUM = 0x4008af10;
export const VHOST_SET_VRING_ADDR = 0x4028af11;
export const VHOST_SET_VRING_BASE = 0x4008af12;
export const VHOST_GET_VRING_BASE = 0xc008af12;
export const VHOST_VRING_LITTLE_ENDIAN = 0;
export const VHOST_VRING_BIG_ENDIAN = 1;
export const VHOST_SET_VRING_ENDIAN = 0x4008af13;
export const VHOST_GET_VRING_ENDIAN = 0x4008af14;
export const VHOST_ATTACH_VRING_WORKER = 0x4008af15;
export const VHOST_GET_VRING_WORKER = 0xc008af16;
export const VHOST_SET_VRING_KICK = 0x4008af20;
export const VHOST_SET_VRING_CALL = 0x4008af21;
export const VHOST_SET_VRING_ERR = 0x4008af22;
export const VHOST_SET_VRING_BUSYLOOP_TIMEOUT = 0x4008af23;
export const VHOST_GET_VRING_BUSYLOOP_TIMEOUT = 0x4008af24;
export const VHOST_SET_BACKEND_FEATURES = 0x4008af25;
export const VHOST_GET_BACKEND_FEATURES = 0x8008af26;
export const VHOST_NET_SET_BACKEND = 0x4008af30;
export const VHOST_SCSI_SET_ENDPOINT = 0x40e8af40;
export const VHOST_SCSI_CLEAR_ENDPOINT = 0x40e8af41;
export const VHOST_SCSI_GET_ABI_VERSION = 0x4004af42;
export const VHOST_SCSI_SET_EVENTS_MISSED = 0x4004af43;
export const VHOST_SCSI_GET_EVENTS_MISSED = 0x4004af44;
export const VHOST_VSOCK_SET_GUEST_CID = 0x4008af60;
export const VHOST_VSOCK_SET_RUNNING = 0x4004af61;
export const VHOST_VDPA_GET_DEVICE_ID = 0x8004af70;
export const VHOST_VDPA_GET_STATUS = 0x8001af71;
export const VHOST_VDPA_SET_STATUS = 0x4001af72;
export const VHOST_VDPA_GET_CONFIG = 0x8008af73;
export const VHOST_VDPA_SET_CONFIG = 0x4008af74;
export const VHOST_VDPA_SET_VRING_ENABLE = 0x4008af75;
export const VHOST_VDPA_GET_VRING_NUM = 0x8002af76;
export const VHOST_VDPA_SET_CONFIG_CALL = 0x4004af77;
export const VHOST_VDPA_GET_IOVA_RANGE = 0x8010af78;
export const VHOST_VDPA_GET_CONFIG_SIZE = 0x8004af79;
export const VHOST_VDPA_GET_AS_NUM = 0x8004af7a;
export const VHOST_VDPA_GET_VRING_GROUP = 0xc008af7b;
export const VHOST_VDPA_SET_GROUP_ASID = 0x4008af7c;
export const VHOST_VDPA_SUSPEND = 0xaf7d;
export const VHOST_VDPA_RESUME = 0xaf7e;
export const VHOST_VDPA_GET_VRING_DESC_GROUP = 0xc008af7f;
export const VHOST_VDPA_GET_VQS_COUNT = 0x8004af80;
export const VHOST_VDPA_GET_GROUP_NUM = 0x8004af81;
export const VHOST_VDPA_GET_VRING_SIZE = 0xc008af82;
export const VHOST_GET_FEATURES_ARRAY = 0x8008af83;
export const VHOST_SET_FEATURES_ARRAY = 0x4008af83;
export const VHOST_FORK_OWNER_KTHREAD = 0;
export const VHOST_FORK_OWNER_TASK = 1;
export const VHOST_SET_FORK_FROM_OWNER = 0x4001af84;
export const VHOST_GET_FORK_FROM_OWNER = 0x8001af85;

export const vhost_vring_state = struct(8, {
  index: u32(0),
  num: u32(4),
});

export const vhost_vring_file = struct(8, {
  index: u32(0),
  fd: s32(4),
});

export const vhost_vring_addr = struct(40, {
  index: u32(0),
  flags: u32(4),
  desc_user_addr: u64(8),
  used_user_addr: u64(16),
  avail_user_addr: u64(24),
  log_guest_addr: u64(32),
});

export const vhost_worker_state = struct(4, {
  worker_id: u32(0),
});

export const vhost_vring_worker = struct(8, {
  index: u32(0),
  worker_id: u32(4),
});

export const vhost_iotlb_msg = struct(32, {
  iova: u64(0),
  size: u64(8),
  uaddr: u64(16),
  perm: u8(24),
  type: u8(25),
});

export const vhost_msg = struct(72, {
  type: s32(0),
  'iotlb.iova': u64(8),
  'iotlb.size': u64(16),
  'iotlb.uaddr': u64(24),
  'iotlb.perm': u8(32),
  'iotlb.type': u8(33),
  padding: bytes(8, 64),
});

export const vhost_msg_v2 = struct(72, {
  type: u32(0),
  asid: u32(4),
  'iotlb.iova': u64(8),
  'iotlb.size': u64(16),
  'iotlb.uaddr': u64(24),
  'iotlb.perm': u8(32),
  'iotlb.type': u8(33),
  padding: bytes(8, 64),
});

export const vhost_features_array = struct(8, {
  count: u64(0),
  features: bytes(8, 0),
});

export const vhost_memory_region = struct(32, {
  guest_phys_addr: u64(0),
  memory_size: u64(8),
  userspace_addr: u64(16),
  flags_padding: u64(24),
});

export const vhost_memory = struct(8, {
  nregions: u32(0),
  padding: u32(4),
  regions: bytes(8, 0),
});

export const vhost_scsi_target = struct(232, {
  abi_version: s32(0),
  vhost_wwpn: bytes(4, 224),
  vhost_tpgt: u16(228),
  reserved: u16(230),
});

export const vhost_vdpa_config = struct(8, {
  off: u32(0),
  len: u32(4),
  buf: bytes(8, 0),
});

export const vhost_vdpa_iova_range = struct(16, {
  first: u64(0),
  last: u64(8),
});
