/**
 * Virtio without any device: ids, feature bits, status, rings, the MMIO transport.
 * GENERATED for arm64 by native-headers/generate.ts from linux-libc-dev 7.3.4-1~bpo13+1: change native-headers/manifest.json.
 */
import { bytes, u16, u32, u64, struct } from '../base/layout.ts';

export const VIRTIO_ID_NET = 1;
export const VIRTIO_ID_BLOCK = 2;
export const VIRTIO_ID_CONSOLE = 3;
export const VIRTIO_ID_RNG = 4;
export const VIRTIO_ID_BALLOON = 5;
export const VIRTIO_ID_IOMEM = 6;
export const VIRTIO_ID_RPMSG = 7;
export const VIRTIO_ID_SCSI = 8;
export const VIRTIO_ID_9P = 9;
export const VIRTIO_ID_MAC80211_WLAN = 10;
export const VIRTIO_ID_RPROC_SERIAL = 11;
export const VIRTIO_ID_CAIF = 12;
export const VIRTIO_ID_MEMORY_BALLOON = 13;
export const VIRTIO_ID_GPU = 16;
export const VIRTIO_ID_CLOCK = 17;
export const VIRTIO_ID_INPUT = 18;
export const VIRTIO_ID_VSOCK = 19;
export const VIRTIO_ID_CRYPTO = 20;
export const VIRTIO_ID_SIGNAL_DIST = 21;
export const VIRTIO_ID_PSTORE = 22;
export const VIRTIO_ID_IOMMU = 23;
export const VIRTIO_ID_MEM = 24;
export const VIRTIO_ID_SOUND = 25;
export const VIRTIO_ID_FS = 26;
export const VIRTIO_ID_PMEM = 27;
export const VIRTIO_ID_RPMB = 28;
export const VIRTIO_ID_MAC80211_HWSIM = 29;
export const VIRTIO_ID_VIDEO_ENCODER = 30;
export const VIRTIO_ID_VIDEO_DECODER = 31;
export const VIRTIO_ID_SCMI = 32;
export const VIRTIO_ID_NITRO_SEC_MOD = 33;
export const VIRTIO_ID_I2C_ADAPTER = 34;
export const VIRTIO_ID_WATCHDOG = 35;
export const VIRTIO_ID_CAN = 36;
export const VIRTIO_ID_DMABUF = 37;
export const VIRTIO_ID_PARAM_SERV = 38;
export const VIRTIO_ID_AUDIO_POLICY = 39;
export const VIRTIO_ID_BT = 40;
export const VIRTIO_ID_GPIO = 41;
export const VIRTIO_ID_SPI = 45;
export const VIRTIO_ID_MEDIA = 48;
export const VIRTIO_TRANS_ID_NET = 0x1000;
export const VIRTIO_TRANS_ID_BLOCK = 0x1001;
export const VIRTIO_TRANS_ID_BALLOON = 0x1002;
export const VIRTIO_TRANS_ID_CONSOLE = 0x1003;
export const VIRTIO_TRANS_ID_SCSI = 0x1004;
export const VIRTIO_TRANS_ID_RNG = 0x1005;
export const VIRTIO_TRANS_ID_9P = 0x1009;
export const VIRTIO_CONFIG_S_ACKNOWLEDGE = 1;
export const VIRTIO_CONFIG_S_DRIVER = 2;
export const VIRTIO_CONFIG_S_DRIVER_OK = 4;
export const VIRTIO_CONFIG_S_FEATURES_OK = 8;
export const VIRTIO_CONFIG_S_NEEDS_RESET = 0x40;
export const VIRTIO_CONFIG_S_FAILED = 0x80;
export const VIRTIO_TRANSPORT_F_START = 28;
export const VIRTIO_TRANSPORT_F_END = 42;
export const VIRTIO_F_NOTIFY_ON_EMPTY = 24;
export const VIRTIO_F_ANY_LAYOUT = 27;
export const VIRTIO_F_VERSION_1 = 32;
export const VIRTIO_F_ACCESS_PLATFORM = 33;
export const VIRTIO_F_IOMMU_PLATFORM = 33;
export const VIRTIO_F_RING_PACKED = 34;
export const VIRTIO_F_IN_ORDER = 35;
export const VIRTIO_F_ORDER_PLATFORM = 36;
export const VIRTIO_F_SR_IOV = 37;
export const VIRTIO_F_NOTIFICATION_DATA = 38;
export const VIRTIO_F_NOTIF_CONFIG_DATA = 39;
export const VIRTIO_F_RING_RESET = 40;
export const VIRTIO_F_ADMIN_VQ = 41;
export const VRING_DESC_F_NEXT = 1;
export const VRING_DESC_F_WRITE = 2;
export const VRING_DESC_F_INDIRECT = 4;
export const VRING_PACKED_DESC_F_AVAIL = 7;
export const VRING_PACKED_DESC_F_USED = 15;
export const VRING_USED_F_NO_NOTIFY = 1;
export const VRING_AVAIL_F_NO_INTERRUPT = 1;
export const VRING_PACKED_EVENT_FLAG_ENABLE = 0;
export const VRING_PACKED_EVENT_FLAG_DISABLE = 1;
export const VRING_PACKED_EVENT_FLAG_DESC = 2;
export const VRING_PACKED_EVENT_F_WRAP_CTR = 15;
export const VIRTIO_RING_F_INDIRECT_DESC = 28;
export const VIRTIO_RING_F_EVENT_IDX = 29;
export const VRING_AVAIL_ALIGN_SIZE = 2;
export const VRING_USED_ALIGN_SIZE = 4;
export const VRING_DESC_ALIGN_SIZE = 16;
export const VIRTIO_MMIO_MAGIC_VALUE = 0;
export const VIRTIO_MMIO_VERSION = 4;
export const VIRTIO_MMIO_DEVICE_ID = 8;
export const VIRTIO_MMIO_VENDOR_ID = 0xc;
export const VIRTIO_MMIO_DEVICE_FEATURES = 0x10;
export const VIRTIO_MMIO_DEVICE_FEATURES_SEL = 0x14;
export const VIRTIO_MMIO_DRIVER_FEATURES = 0x20;
export const VIRTIO_MMIO_DRIVER_FEATURES_SEL = 0x24;
export const VIRTIO_MMIO_GUEST_PAGE_SIZE = 0x28;
export const VIRTIO_MMIO_QUEUE_SEL = 0x30;
export const VIRTIO_MMIO_QUEUE_NUM_MAX = 0x34;
export const VIRTIO_MMIO_QUEUE_NUM = 0x38;
export const VIRTIO_MMIO_QUEUE_ALIGN = 0x3c;
export const VIRTIO_MMIO_QUEUE_PFN = 0x40;
export const VIRTIO_MMIO_QUEUE_READY = 0x44;
export const VIRTIO_MMIO_QUEUE_NOTIFY = 0x50;
export const VIRTIO_MMIO_INTERRUPT_STATUS = 0x60;
export const VIRTIO_MMIO_INTERRUPT_ACK = 0x64;
export const VIRTIO_MMIO_STATUS = 0x70;
export const VIRTIO_MMIO_QUEUE_DESC_LOW = 0x80;
export const VIRTIO_MMIO_QUEUE_DESC_HIGH = 0x84;
export const VIRTIO_MMIO_QUEUE_AVAIL_LOW = 0x90;
export const VIRTIO_MMIO_QUEUE_AVAIL_HIGH = 0x94;
export const VIRTIO_MMIO_QUEUE_USED_LOW = 0xa0;
export const VIRTIO_MMIO_QUEUE_USED_HIGH = 0xa4;
export const VIRTIO_MMIO_SHM_SEL = 0xac;
export const VIRTIO_MMIO_SHM_LEN_LOW = 0xb0;
export const VIRTIO_MMIO_SHM_LEN_HIGH = 0xb4;
export const VIRTIO_MMIO_SHM_BASE_LOW = 0xb8;
export const VIRTIO_MMIO_SHM_BASE_HIGH = 0xbc;
export const VIRTIO_MMIO_CONFIG_GENERATION = 0xfc;
export const VIRTIO_MMIO_CONFIG = 0x100;
export const VIRTIO_MMIO_INT_VRING = 1;
export const VIRTIO_MMIO_INT_CONFIG = 2;

export const vring_desc = struct(16, {
  addr: u64(0),
  len: u32(8),
  flags: u16(12),
  next: u16(14),
});

export const vring_avail = struct(4, {
  flags: u16(0),
  idx: u16(2),
  ring: bytes(4, 0),
});

export const vring_used_elem = struct(8, {
  id: u32(0),
  len: u32(4),
});

export const vring_used = struct(4, {
  flags: u16(0),
  idx: u16(2),
  ring: bytes(4, 0),
});

export const vring_packed_desc = struct(16, {
  addr: u64(0),
  len: u32(8),
  id: u16(12),
  flags: u16(14),
});

export const vring_packed_desc_event = struct(4, {
  off_wrap: u16(0),
  flags: u16(2),
});

export const virtioIdNames: Readonly<Record<number, readonly string[]>> = {
  1: ['VIRTIO_ID_NET'],
  2: ['VIRTIO_ID_BLOCK'],
  3: ['VIRTIO_ID_CONSOLE'],
  4: ['VIRTIO_ID_RNG'],
  5: ['VIRTIO_ID_BALLOON'],
  6: ['VIRTIO_ID_IOMEM'],
  7: ['VIRTIO_ID_RPMSG'],
  8: ['VIRTIO_ID_SCSI'],
  9: ['VIRTIO_ID_9P'],
  10: ['VIRTIO_ID_MAC80211_WLAN'],
  11: ['VIRTIO_ID_RPROC_SERIAL'],
  12: ['VIRTIO_ID_CAIF'],
  13: ['VIRTIO_ID_MEMORY_BALLOON'],
  16: ['VIRTIO_ID_GPU'],
  17: ['VIRTIO_ID_CLOCK'],
  18: ['VIRTIO_ID_INPUT'],
  19: ['VIRTIO_ID_VSOCK'],
  20: ['VIRTIO_ID_CRYPTO'],
  21: ['VIRTIO_ID_SIGNAL_DIST'],
  22: ['VIRTIO_ID_PSTORE'],
  23: ['VIRTIO_ID_IOMMU'],
  24: ['VIRTIO_ID_MEM'],
  25: ['VIRTIO_ID_SOUND'],
  26: ['VIRTIO_ID_FS'],
  27: ['VIRTIO_ID_PMEM'],
  28: ['VIRTIO_ID_RPMB'],
  29: ['VIRTIO_ID_MAC80211_HWSIM'],
  30: ['VIRTIO_ID_VIDEO_ENCODER'],
  31: ['VIRTIO_ID_VIDEO_DECODER'],
  32: ['VIRTIO_ID_SCMI'],
  33: ['VIRTIO_ID_NITRO_SEC_MOD'],
  34: ['VIRTIO_ID_I2C_ADAPTER'],
  35: ['VIRTIO_ID_WATCHDOG'],
  36: ['VIRTIO_ID_CAN'],
  37: ['VIRTIO_ID_DMABUF'],
  38: ['VIRTIO_ID_PARAM_SERV'],
  39: ['VIRTIO_ID_AUDIO_POLICY'],
  40: ['VIRTIO_ID_BT'],
  41: ['VIRTIO_ID_GPIO'],
  45: ['VIRTIO_ID_SPI'],
  48: ['VIRTIO_ID_MEDIA'],
};
