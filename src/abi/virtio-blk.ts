/**
 * The block device: linux/virtio_blk.h.
 * GENERATED for arm64 by native-headers/generate.ts from linux-libc-dev 7.3.4-1~bpo13+1: change native-headers/manifest.json.
 */
import { bytes, u16, u32, u64, u8, struct } from '../base/layout.ts';

export const VIRTIO_BLK_F_SIZE_MAX = 1;
export const VIRTIO_BLK_F_SEG_MAX = 2;
export const VIRTIO_BLK_F_GEOMETRY = 4;
export const VIRTIO_BLK_F_RO = 5;
export const VIRTIO_BLK_F_BLK_SIZE = 6;
export const VIRTIO_BLK_F_TOPOLOGY = 10;
export const VIRTIO_BLK_F_MQ = 12;
export const VIRTIO_BLK_F_DISCARD = 13;
export const VIRTIO_BLK_F_WRITE_ZEROES = 14;
export const VIRTIO_BLK_F_SECURE_ERASE = 16;
export const VIRTIO_BLK_F_ZONED = 17;
export const VIRTIO_BLK_F_BARRIER = 0;
export const VIRTIO_BLK_F_SCSI = 7;
export const VIRTIO_BLK_F_FLUSH = 9;
export const VIRTIO_BLK_F_CONFIG_WCE = 11;
export const VIRTIO_BLK_F_WCE = 9;
export const VIRTIO_BLK_ID_BYTES = 20;
export const VIRTIO_BLK_T_IN = 0;
export const VIRTIO_BLK_T_OUT = 1;
export const VIRTIO_BLK_T_SCSI_CMD = 2;
export const VIRTIO_BLK_T_FLUSH = 4;
export const VIRTIO_BLK_T_GET_ID = 8;
export const VIRTIO_BLK_T_DISCARD = 11;
export const VIRTIO_BLK_T_WRITE_ZEROES = 13;
export const VIRTIO_BLK_T_SECURE_ERASE = 14;
export const VIRTIO_BLK_T_ZONE_APPEND = 15;
export const VIRTIO_BLK_T_ZONE_REPORT = 16;
export const VIRTIO_BLK_T_ZONE_OPEN = 18;
export const VIRTIO_BLK_T_ZONE_CLOSE = 20;
export const VIRTIO_BLK_T_ZONE_FINISH = 22;
export const VIRTIO_BLK_T_ZONE_RESET = 24;
export const VIRTIO_BLK_T_ZONE_RESET_ALL = 26;
export const VIRTIO_BLK_T_BARRIER = 0x80000000;
export const VIRTIO_BLK_Z_NONE = 0;
export const VIRTIO_BLK_Z_HM = 1;
export const VIRTIO_BLK_Z_HA = 2;
export const VIRTIO_BLK_ZT_CONV = 1;
export const VIRTIO_BLK_ZT_SWR = 2;
export const VIRTIO_BLK_ZT_SWP = 3;
export const VIRTIO_BLK_ZS_NOT_WP = 0;
export const VIRTIO_BLK_ZS_EMPTY = 1;
export const VIRTIO_BLK_ZS_IOPEN = 2;
export const VIRTIO_BLK_ZS_EOPEN = 3;
export const VIRTIO_BLK_ZS_CLOSED = 4;
export const VIRTIO_BLK_ZS_RDONLY = 13;
export const VIRTIO_BLK_ZS_FULL = 14;
export const VIRTIO_BLK_ZS_OFFLINE = 15;
export const VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP = 1;
export const VIRTIO_BLK_S_OK = 0;
export const VIRTIO_BLK_S_IOERR = 1;
export const VIRTIO_BLK_S_UNSUPP = 2;
export const VIRTIO_BLK_S_ZONE_INVALID_CMD = 3;
export const VIRTIO_BLK_S_ZONE_UNALIGNED_WP = 4;
export const VIRTIO_BLK_S_ZONE_OPEN_RESOURCE = 5;
export const VIRTIO_BLK_S_ZONE_ACTIVE_RESOURCE = 6;

export const virtio_blk_geometry = struct(4, {
  cylinders: u16(0),
  heads: u8(2),
  sectors: u8(3),
});

export const virtio_blk_zoned_characteristics = struct(24, {
  zone_sectors: u32(0),
  max_open_zones: u32(4),
  max_active_zones: u32(8),
  max_append_sectors: u32(12),
  write_granularity: u32(16),
  model: u8(20),
  unused2: bytes(21, 3),
});

export const virtio_blk_config = struct(96, {
  capacity: u64(0),
  size_max: u32(8),
  seg_max: u32(12),
  'geometry.cylinders': u16(16),
  'geometry.heads': u8(18),
  'geometry.sectors': u8(19),
  blk_size: u32(20),
  physical_block_exp: u8(24),
  alignment_offset: u8(25),
  min_io_size: u16(26),
  opt_io_size: u32(28),
  wce: u8(32),
  unused: u8(33),
  num_queues: u16(34),
  max_discard_sectors: u32(36),
  max_discard_seg: u32(40),
  discard_sector_alignment: u32(44),
  max_write_zeroes_sectors: u32(48),
  max_write_zeroes_seg: u32(52),
  write_zeroes_may_unmap: u8(56),
  unused1: bytes(57, 3),
  max_secure_erase_sectors: u32(60),
  max_secure_erase_seg: u32(64),
  secure_erase_sector_alignment: u32(68),
  'zoned.zone_sectors': u32(72),
  'zoned.max_open_zones': u32(76),
  'zoned.max_active_zones': u32(80),
  'zoned.max_append_sectors': u32(84),
  'zoned.write_granularity': u32(88),
  'zoned.model': u8(92),
  'zoned.unused2': bytes(93, 3),
});

export const virtio_blk_outhdr = struct(16, {
  type: u32(0),
  ioprio: u32(4),
  sector: u64(8),
});

export const virtio_blk_zone_descriptor = struct(64, {
  z_cap: u64(0),
  z_start: u64(8),
  z_wp: u64(16),
  z_type: u8(24),
  z_state: u8(25),
  reserved: bytes(26, 38),
});

export const virtio_blk_zone_report = struct(64, {
  nr_zones: u64(0),
  reserved: bytes(8, 56),
  zones: bytes(64, 0),
});

export const virtio_blk_discard_write_zeroes = struct(16, {
  sector: u64(0),
  num_sectors: u32(8),
  flags: u32(12),
});
