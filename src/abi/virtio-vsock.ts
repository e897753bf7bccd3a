/**
 * Sockets between host and guest: linux/virtio_vsock.h.
 * GENERATED for arm64 by native-headers/generate.ts from linux-libc-dev 7.3.4-1~bpo13+1: change native-headers/manifest.json.
 */
import { u16, u32, u64, struct } from '../base/layout.ts';

export const VIRTIO_VSOCK_F_SEQPACKET = 1;
export const VIRTIO_VSOCK_EVENT_TRANSPORT_RESET = 0;
export const VIRTIO_VSOCK_TYPE_STREAM = 1;
export const VIRTIO_VSOCK_TYPE_SEQPACKET = 2;
export const VIRTIO_VSOCK_OP_INVALID = 0;
export const VIRTIO_VSOCK_OP_REQUEST = 1;
export const VIRTIO_VSOCK_OP_RESPONSE = 2;
export const VIRTIO_VSOCK_OP_RST = 3;
export const VIRTIO_VSOCK_OP_SHUTDOWN = 4;
export const VIRTIO_VSOCK_OP_RW = 5;
export const VIRTIO_VSOCK_OP_CREDIT_UPDATE = 6;
export const VIRTIO_VSOCK_OP_CREDIT_REQUEST = 7;
export const VIRTIO_VSOCK_SHUTDOWN_RCV = 1;
export const VIRTIO_VSOCK_SHUTDOWN_SEND = 2;
export const VIRTIO_VSOCK_SEQ_EOM = 1;
export const VIRTIO_VSOCK_SEQ_EOR = 2;
export const VMADDR_CID_ANY = 4294967295;
export const VMADDR_PORT_ANY = 4294967295;
export const VMADDR_CID_HYPERVISOR = 0;
export const VMADDR_CID_LOCAL = 1;
export const VMADDR_CID_HOST = 2;
export const VMADDR_FLAG_TO_HOST = 1;

export const virtio_vsock_config = struct(8, {
  guest_cid: u64(0),
});

export const virtio_vsock_event = struct(4, {
  id: u32(0),
});

export const virtio_vsock_hdr = struct(44, {
  src_cid: u64(0),
  dst_cid: u64(8),
  src_port: u32(16),
  dst_port: u32(20),
  len: u32(24),
  type: u16(28),
  op: u16(30),
  flags: u32(32),
  buf_alloc: u32(36),
  fwd_cnt: u32(40),
});
