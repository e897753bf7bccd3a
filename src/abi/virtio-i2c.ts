/**
 * The I2C adapter: linux/virtio_i2c.h.
 * GENERATED for arm64 by native-headers/generate.ts from linux-libc-dev 7.3.4-1~bpo13+1: change native-headers/manifest.json.
 */
import { u16, u32, u8, struct } from '../base/layout.ts';

export const VIRTIO_I2C_F_ZERO_LENGTH_REQUEST = 0;
export const VIRTIO_I2C_FLAGS_FAIL_NEXT = 1;
export const VIRTIO_I2C_FLAGS_M_RD = 2;
export const VIRTIO_I2C_MSG_OK = 0;
export const VIRTIO_I2C_MSG_ERR = 1;

export const virtio_i2c_out_hdr = struct(8, {
  addr: u16(0),
  padding: u16(2),
  flags: u32(4),
});

export const virtio_i2c_in_hdr = struct(1, {
  status: u8(0),
});
