/** The list of capabilities that VFIO's answers carry behind their fixed part (linux/vfio.h, vfio_info_cap_header). */
import { vfio_info_cap_header } from '../abi/vfio.ts';
import { unpack } from '../base/layout.ts';

/** By id, each from its header to the end of the answer; `first`: where the first one is, 0 for none. */
export function capabilities(answer: Uint8Array, first: number): ReadonlyMap<number, Uint8Array> {
  const found = new Map<number, Uint8Array>();
  for (let at = first; at !== 0 && at + vfio_info_cap_header.size <= answer.length; ) {
    const bytes = answer.subarray(at);
    const { id, next } = unpack(vfio_info_cap_header, bytes);
    found.set(id, bytes);
    // They only ever come in their order.
    if (next <= at) break;
    at = next;
  }
  return found;
}
