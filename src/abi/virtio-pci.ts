/**
 * The PCI transport: linux/virtio_pci.h.
 * GENERATED for arm64 by native-headers/generate.ts from linux-libc-dev 7.3.4-1~bpo13+1: change native-headers/manifest.json.
 */
import { bytes, u16, u32, u8, struct } from '../base/layout.ts';

export const VIRTIO_PCI_HOST_FEATURES = 0;
export const VIRTIO_PCI_GUEST_FEATURES = 4;
export const VIRTIO_PCI_QUEUE_PFN = 8;
export const VIRTIO_PCI_QUEUE_NUM = 12;
export const VIRTIO_PCI_QUEUE_SEL = 14;
export const VIRTIO_PCI_QUEUE_NOTIFY = 16;
export const VIRTIO_PCI_STATUS = 18;
export const VIRTIO_PCI_ISR = 19;
export const VIRTIO_PCI_ABI_VERSION = 0;
export const VIRTIO_PCI_QUEUE_ADDR_SHIFT = 12;
export const VIRTIO_PCI_VRING_ALIGN = 4096;
export const VIRTIO_PCI_ISR_CONFIG = 2;
export const VIRTIO_PCI_CAP_COMMON_CFG = 1;
export const VIRTIO_PCI_CAP_NOTIFY_CFG = 2;
export const VIRTIO_PCI_CAP_ISR_CFG = 3;
export const VIRTIO_PCI_CAP_DEVICE_CFG = 4;
export const VIRTIO_PCI_CAP_PCI_CFG = 5;
export const VIRTIO_PCI_CAP_SHARED_MEMORY_CFG = 8;
export const VIRTIO_PCI_CAP_VENDOR_CFG = 9;
export const VIRTIO_PCI_CAP_VNDR = 0;
export const VIRTIO_PCI_CAP_NEXT = 1;
export const VIRTIO_PCI_CAP_LEN = 2;
export const VIRTIO_PCI_CAP_CFG_TYPE = 3;
export const VIRTIO_PCI_CAP_BAR = 4;
export const VIRTIO_PCI_CAP_OFFSET = 8;
export const VIRTIO_PCI_CAP_LENGTH = 12;
export const VIRTIO_PCI_NOTIFY_CAP_MULT = 16;
export const VIRTIO_PCI_COMMON_DFSELECT = 0;
export const VIRTIO_PCI_COMMON_DF = 4;
export const VIRTIO_PCI_COMMON_GFSELECT = 8;
export const VIRTIO_PCI_COMMON_GF = 12;
export const VIRTIO_PCI_COMMON_MSIX = 16;
export const VIRTIO_PCI_COMMON_NUMQ = 18;
export const VIRTIO_PCI_COMMON_STATUS = 20;
export const VIRTIO_PCI_COMMON_CFGGENERATION = 21;
export const VIRTIO_PCI_COMMON_Q_SELECT = 22;
export const VIRTIO_PCI_COMMON_Q_SIZE = 24;
export const VIRTIO_PCI_COMMON_Q_MSIX = 26;
export const VIRTIO_PCI_COMMON_Q_ENABLE = 28;
export const VIRTIO_PCI_COMMON_Q_NOFF = 30;
export const VIRTIO_PCI_COMMON_Q_DESCLO = 32;
export const VIRTIO_PCI_COMMON_Q_DESCHI = 36;
export const VIRTIO_PCI_COMMON_Q_AVAILLO = 40;
export const VIRTIO_PCI_COMMON_Q_AVAILHI = 44;
export const VIRTIO_PCI_COMMON_Q_USEDLO = 48;
export const VIRTIO_PCI_COMMON_Q_USEDHI = 52;
export const VIRTIO_PCI_COMMON_Q_NDATA = 56;
export const VIRTIO_PCI_COMMON_Q_RESET = 58;
export const VIRTIO_PCI_COMMON_ADM_Q_IDX = 60;
export const VIRTIO_PCI_COMMON_ADM_Q_NUM = 62;

export const virtio_pci_cap = struct(16, {
  cap_vndr: u8(0),
  cap_next: u8(1),
  cap_len: u8(2),
  cfg_type: u8(3),
  bar: u8(4),
  id: u8(5),
  padding: bytes(6, 2),
  offset: u32(8),
  length: u32(12),
});

export const virtio_pci_vndr_data = struct(6, {
  cap_vndr: u8(0),
  cap_next: u8(1),
  cap_len: u8(2),
  cfg_type: u8(3),
  vendor_id: u16(4),
});

export const virtio_pci_cap64 = struct(24, {
  'cap.cap_vndr': u8(0),
  'cap.cap_next': u8(1),
  'cap.cap_len': u8(2),
  'cap.cfg_type': u8(3),
  'cap.bar': u8(4),
  'cap.id': u8(5),
  'cap.padding': bytes(6, 2),
  'cap.offset': u32(8),
  'cap.length': u32(12),
  offset_hi: u32(16),
  length_hi: u32(20),
});

export const virtio_pci_notify_cap = struct(20, {
  'cap.cap_vndr': u8(0),
  'cap.cap_next': u8(1),
  'cap.cap_len': u8(2),
  'cap.cfg_type': u8(3),
  'cap.bar': u8(4),
  'cap.id': u8(5),
  'cap.padding': bytes(6, 2),
  'cap.offset': u32(8),
  'cap.length': u32(12),
  notify_off_multiplier: u32(16),
});

export const virtio_pci_common_cfg = struct(56, {
  device_feature_select: u32(0),
  device_feature: u32(4),
  guest_feature_select: u32(8),
  guest_feature: u32(12),
  msix_config: u16(16),
  num_queues: u16(18),
  device_status: u8(20),
  config_generation: u8(21),
  queue_select: u16(22),
  queue_size: u16(24),
  queue_msix_vector: u16(26),
  queue_enable: u16(28),
  queue_notify_off: u16(30),
  queue_desc_lo: u32(32),
  queue_desc_hi: u32(36),
  queue_avail_lo: u32(40),
  queue_avail_hi: u32(44),
  queue_used_lo: u32(48),
  queue_used_hi: u32(52),
});

export const virtio_pci_modern_common_cfg = struct(64, {
  'cfg.device_feature_select': u32(0),
  'cfg.device_feature': u32(4),
  'cfg.guest_feature_select': u32(8),
  'cfg.guest_feature': u32(12),
  'cfg.msix_config': u16(16),
  'cfg.num_queues': u16(18),
  'cfg.device_status': u8(20),
  'cfg.config_generation': u8(21),
  'cfg.queue_select': u16(22),
  'cfg.queue_size': u16(24),
  'cfg.queue_msix_vector': u16(26),
  'cfg.queue_enable': u16(28),
  'cfg.queue_notify_off': u16(30),
  'cfg.queue_desc_lo': u32(32),
  'cfg.queue_desc_hi': u32(36),
  'cfg.queue_avail_lo': u32(40),
  'cfg.queue_avail_hi': u32(44),
  'cfg.queue_used_lo': u32(48),
  'cfg.queue_used_hi': u32(52),
  queue_notify_data: u16(56),
  queue_reset: u16(58),
  admin_queue_index: u16(60),
  admin_queue_num: u16(62),
});

export const virtio_pci_cfg_cap = struct(20, {
  'cap.cap_vndr': u8(0),
  'cap.cap_next': u8(1),
  'cap.cap_len': u8(2),
  'cap.cfg_type': u8(3),
  'cap.bar': u8(4),
  'cap.id': u8(5),
  'cap.padding': bytes(6, 2),
  'cap.offset': u32(8),
  'cap.length': u32(12),
  pci_cfg_data: bytes(16, 4),
});
