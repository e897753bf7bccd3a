/** The header of every vsock packet (virtio 1.4 §5.10.6), as values. */
import { virtio_vsock_hdr } from '../abi/virtio-vsock.ts';

export const HEADER_BYTES = virtio_vsock_hdr.size;

/** Ports and counters have 32 bits, `flags` is for SHUTDOWN; `length` counts the payload that follows. */
export interface VsockHeader {
  /** Exact below 2^53; an address that exists is below 2^32. */
  readonly srcCid: number;
  readonly dstCid: number;
  readonly srcPort: number;
  readonly dstPort: number;
  readonly length: number;
  readonly type: number;
  readonly op: number;
  readonly flags: number;
  /** Credit (§5.10.6.3): how much the sender can hold, and how much of what it got has left that room again. */
  readonly bufAlloc: number;
  readonly fwdCnt: number;
}

const AT = {
  srcCid: virtio_vsock_hdr.fields.src_cid.offset,
  dstCid: virtio_vsock_hdr.fields.dst_cid.offset,
  srcPort: virtio_vsock_hdr.fields.src_port.offset,
  dstPort: virtio_vsock_hdr.fields.dst_port.offset,
  length: virtio_vsock_hdr.fields.len.offset,
  type: virtio_vsock_hdr.fields.type.offset,
  op: virtio_vsock_hdr.fields.op.offset,
  flags: virtio_vsock_hdr.fields.flags.offset,
  bufAlloc: virtio_vsock_hdr.fields.buf_alloc.offset,
  fwdCnt: virtio_vsock_hdr.fields.fwd_cnt.offset,
} as const;

export function decodeHeader(view: DataView): VsockHeader {
  return {
    srcCid: cidAt(view, AT.srcCid),
    dstCid: cidAt(view, AT.dstCid),
    srcPort: view.getUint32(AT.srcPort, true),
    dstPort: view.getUint32(AT.dstPort, true),
    length: view.getUint32(AT.length, true),
    type: view.getUint16(AT.type, true),
    op: view.getUint16(AT.op, true),
    flags: view.getUint32(AT.flags, true),
    bufAlloc: view.getUint32(AT.bufAlloc, true),
    fwdCnt: view.getUint32(AT.fwdCnt, true),
  };
}

export function encodeHeader(view: DataView, header: VsockHeader): void {
  setCid(view, AT.srcCid, header.srcCid);
  setCid(view, AT.dstCid, header.dstCid);
  view.setUint32(AT.srcPort, header.srcPort, true);
  view.setUint32(AT.dstPort, header.dstPort, true);
  view.setUint32(AT.length, header.length, true);
  view.setUint16(AT.type, header.type, true);
  view.setUint16(AT.op, header.op, true);
  view.setUint32(AT.flags, header.flags, true);
  view.setUint32(AT.bufAlloc, header.bufAlloc, true);
  view.setUint32(AT.fwdCnt, header.fwdCnt, true);
}

function cidAt(view: DataView, offset: number): number {
  return view.getUint32(offset, true) + view.getUint32(offset + 4, true) * 2 ** 32;
}

function setCid(view: DataView, offset: number, cid: number): void {
  view.setUint32(offset, cid % 2 ** 32, true);
  view.setUint32(offset + 4, Math.floor(cid / 2 ** 32), true);
}
