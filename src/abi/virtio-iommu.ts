/**
 * The paravirtual IOMMU: linux/virtio_iommu.h.
 * GENERATED for arm64 by native-headers/generate.ts from linux-libc-dev 7.3.4-1~bpo13+1: change native-headers/manifest.json.
 */
import { bytes, u16, u32, u64, u8, struct } from '../base/layout.ts';

export const VIRTIO_IOMMU_F_INPUT_RANGE = 0;
export const VIRTIO_IOMMU_F_DOMAIN_RANGE = 1;
export const VIRTIO_IOMMU_F_MAP_UNMAP = 2;
export const VIRTIO_IOMMU_F_BYPASS = 3;
export const VIRTIO_IOMMU_F_PROBE = 4;
export const VIRTIO_IOMMU_F_MMIO = 5;
export const VIRTIO_IOMMU_F_BYPASS_CONFIG = 6;
export const VIRTIO_IOMMU_T_ATTACH = 1;
export const VIRTIO_IOMMU_T_DETACH = 2;
export const VIRTIO_IOMMU_T_MAP = 3;
export const VIRTIO_IOMMU_T_UNMAP = 4;
export const VIRTIO_IOMMU_T_PROBE = 5;
export const VIRTIO_IOMMU_S_OK = 0;
export const VIRTIO_IOMMU_S_IOERR = 1;
export const VIRTIO_IOMMU_S_UNSUPP = 2;
export const VIRTIO_IOMMU_S_DEVERR = 3;
export const VIRTIO_IOMMU_S_INVAL = 4;
export const VIRTIO_IOMMU_S_RANGE = 5;
export const VIRTIO_IOMMU_S_NOENT = 6;
export const VIRTIO_IOMMU_S_FAULT = 7;
export const VIRTIO_IOMMU_S_NOMEM = 8;
export const VIRTIO_IOMMU_ATTACH_F_BYPASS = 1;
export const VIRTIO_IOMMU_MAP_F_READ = 1;
export const VIRTIO_IOMMU_MAP_F_WRITE = 2;
export const VIRTIO_IOMMU_MAP_F_MMIO = 4;
export const VIRTIO_IOMMU_MAP_F_MASK = 7;
export const VIRTIO_IOMMU_PROBE_T_NONE = 0;
export const VIRTIO_IOMMU_PROBE_T_RESV_MEM = 1;
export const VIRTIO_IOMMU_PROBE_T_MASK = 0xfff;
export const VIRTIO_IOMMU_RESV_MEM_T_RESERVED = 0;
export const VIRTIO_IOMMU_RESV_MEM_T_MSI = 1;
export const VIRTIO_IOMMU_FAULT_R_UNKNOWN = 0;
export const VIRTIO_IOMMU_FAULT_R_DOMAIN = 1;
export const VIRTIO_IOMMU_FAULT_R_MAPPING = 2;
export const VIRTIO_IOMMU_FAULT_F_READ = 1;
export const VIRTIO_IOMMU_FAULT_F_WRITE = 2;
export const VIRTIO_IOMMU_FAULT_F_EXEC = 4;
export const VIRTIO_IOMMU_FAULT_F_ADDRESS = 0x100;

export const virtio_iommu_range_64 = struct(16, {
  start: u64(0),
  end: u64(8),
});

export const virtio_iommu_range_32 = struct(8, {
  start: u32(0),
  end: u32(4),
});

export const virtio_iommu_config = struct(40, {
  page_size_mask: u64(0),
  'input_range.start': u64(8),
  'input_range.end': u64(16),
  'domain_range.start': u32(24),
  'domain_range.end': u32(28),
  probe_size: u32(32),
  bypass: u8(36),
  reserved: bytes(37, 3),
});

export const virtio_iommu_req_head = struct(4, {
  type: u8(0),
  reserved: bytes(1, 3),
});

export const virtio_iommu_req_tail = struct(4, {
  status: u8(0),
  reserved: bytes(1, 3),
});

export const virtio_iommu_req_attach = struct(24, {
  'head.type': u8(0),
  'head.reserved': bytes(1, 3),
  domain: u32(4),
  endpoint: u32(8),
  flags: u32(12),
  reserved: bytes(16, 4),
  'tail.status': u8(20),
  'tail.reserved': bytes(21, 3),
});

export const virtio_iommu_req_detach = struct(24, {
  'head.type': u8(0),
  'head.reserved': bytes(1, 3),
  domain: u32(4),
  endpoint: u32(8),
  reserved: bytes(12, 8),
  'tail.status': u8(20),
  'tail.reserved': bytes(21, 3),
});

export const virtio_iommu_req_map = struct(40, {
  'head.type': u8(0),
  'head.reserved': bytes(1, 3),
  domain: u32(4),
  virt_start: u64(8),
  virt_end: u64(16),
  phys_start: u64(24),
  flags: u32(32),
  'tail.status': u8(36),
  'tail.reserved': bytes(37, 3),
});

export const virtio_iommu_req_unmap = struct(32, {
  'head.type': u8(0),
  'head.reserved': bytes(1, 3),
  domain: u32(4),
  virt_start: u64(8),
  virt_end: u64(16),
  reserved: bytes(24, 4),
  'tail.status': u8(28),
  'tail.reserved': bytes(29, 3),
});

export const virtio_iommu_probe_property = struct(4, {
  type: u16(0),
  length: u16(2),
});

export const virtio_iommu_probe_resv_mem = struct(24, {
  'head.type': u16(0),
  'head.length': u16(2),
  subtype: u8(4),
  reserved: bytes(5, 3),
  start: u64(8),
  end: u64(16),
});

export const virtio_iommu_req_probe = struct(72, {
  'head.type': u8(0),
  'head.reserved': bytes(1, 3),
  endpoint: u32(4),
  reserved: bytes(8, 64),
  properties: bytes(72, 0),
});

export const virtio_iommu_fault = struct(24, {
  reason: u8(0),
  reserved: bytes(1, 3),
  flags: u32(4),
  endpoint: u32(8),
  reserved2: bytes(12, 4),
  address: u64(16),
});
