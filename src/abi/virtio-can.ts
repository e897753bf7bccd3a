/**
 * The CAN controller: linux/virtio_can.h.
 * GENERATED for arm64 by native-headers/generate.ts from linux-libc-dev 7.3.4-1~bpo13+1: change native-headers/manifest.json.
 */
import { bytes, u16, u32, u8, struct } from '../base/layout.ts';

export const VIRTIO_CAN_F_CAN_CLASSIC = 0;
export const VIRTIO_CAN_F_CAN_FD = 1;
export const VIRTIO_CAN_F_RTR_FRAMES = 2;
export const VIRTIO_CAN_F_LATE_TX_ACK = 3;
export const VIRTIO_CAN_RESULT_OK = 0;
export const VIRTIO_CAN_RESULT_NOT_OK = 1;
export const VIRTIO_CAN_FLAGS_EXTENDED = 0x8000;
export const VIRTIO_CAN_FLAGS_FD = 0x4000;
export const VIRTIO_CAN_FLAGS_RTR = 0x2000;
export const VIRTIO_CAN_MAX_DLEN = 64;
export const VIRTIO_CAN_S_CTRL_BUSOFF = 1;
export const VIRTIO_CAN_TX = 1;
export const VIRTIO_CAN_RX = 0x101;
export const VIRTIO_CAN_SET_CTRL_MODE_START = 0x201;
export const VIRTIO_CAN_SET_CTRL_MODE_STOP = 0x202;

export const virtio_can_config = struct(2, {
  status: u16(0),
});

export const virtio_can_tx_out = struct(16, {
  msg_type: u16(0),
  length: u16(2),
  reserved_classic_dlc: u8(4),
  padding: u8(5),
  reserved_xl_priority: u16(6),
  flags: u32(8),
  can_id: u32(12),
  sdu: bytes(16, 0),
});

export const virtio_can_tx_in = struct(1, {
  result: u8(0),
});

export const virtio_can_rx = struct(16, {
  msg_type: u16(0),
  length: u16(2),
  reserved_classic_dlc: u8(4),
  padding: u8(5),
  reserved_xl_priority: u16(6),
  flags: u32(8),
  can_id: u32(12),
  sdu: bytes(16, 0),
});

export const virtio_can_control_out = struct(2, {
  msg_type: u16(0),
});

export const virtio_can_control_in = struct(1, {
  result: u8(0),
});
