import { expect, test } from 'vitest';
import { virtio_vsock_hdr } from '../../../src/abi/virtio-vsock.ts';
import { unpack } from '../../../src/base/layout.ts';
import { decodeHeader, encodeHeader, HEADER_BYTES } from '../../../src/devices/vsock-packet.ts';

test('encodeHeader, decodeHeader: every field has its place', () => {
  const header = {
    ...{ srcCid: 2 ** 32 + 7, dstCid: 0xffff_ffff, srcPort: 0xffff_fffe, dstPort: 0x8000_0001, length: 5 },
    ...{ type: 1, op: 0xfffe, flags: 3, bufAlloc: 0xffff_fff0, fwdCnt: 0x1234_5678 },
  };
  const bytes = new Uint8Array(HEADER_BYTES);
  encodeHeader(new DataView(bytes.buffer), header);
  expect(unpack(virtio_vsock_hdr, bytes)).toEqual({
    ...{ src_cid: 2n ** 32n + 7n, dst_cid: 0xffff_ffffn, src_port: 0xffff_fffe, dst_port: 0x8000_0001, len: 5 },
    ...{ type: 1, op: 0xfffe, flags: 3, buf_alloc: 0xffff_fff0, fwd_cnt: 0x1234_5678 },
  });
  expect(decodeHeader(new DataView(bytes.buffer))).toEqual(header);
});
