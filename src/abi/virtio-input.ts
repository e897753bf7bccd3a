/**
 * Keyboards, pointers, touch screens: linux/virtio_input.h.
 * GENERATED for arm64 by native-headers/generate.ts from linux-libc-dev 7.3.4-1~bpo13+1: change native-headers/manifest.json.
 */
import { bytes, u16, u32, u8, struct } from '../base/layout.ts';

export const VIRTIO_INPUT_CFG_UNSET = 0;
export const VIRTIO_INPUT_CFG_ID_NAME = 1;
export const VIRTIO_INPUT_CFG_ID_SERIAL = 2;
export const VIRTIO_INPUT_CFG_ID_DEVIDS = 3;
export const VIRTIO_INPUT_CFG_PROP_BITS = 16;
export const VIRTIO_INPUT_CFG_EV_BITS = 17;
export const VIRTIO_INPUT_CFG_ABS_INFO = 18;

export const virtio_input_absinfo = struct(20, {
  min: u32(0),
  max: u32(4),
  fuzz: u32(8),
  flat: u32(12),
  res: u32(16),
});

export const virtio_input_devids = struct(8, {
  bustype: u16(0),
  vendor: u16(2),
  product: u16(4),
  version: u16(6),
});

export const virtio_input_config = struct(136, {
  select: u8(0),
  subsel: u8(1),
  size: u8(2),
  reserved: bytes(3, 5),
  'u.string': bytes(8, 128),
  'u.bitmap': bytes(8, 128),
  'u.abs.min': u32(8),
  'u.abs.max': u32(12),
  'u.abs.fuzz': u32(16),
  'u.abs.flat': u32(20),
  'u.abs.res': u32(24),
  'u.ids.bustype': u16(8),
  'u.ids.vendor': u16(10),
  'u.ids.product': u16(12),
  'u.ids.version': u16(14),
});

export const virtio_input_event = struct(8, {
  type: u16(0),
  code: u16(2),
  value: u32(4),
});
