/** `type: vsock`. */
import { integer, object, path } from '../kinds.ts';
import { COMMON_KEYS, queueSizeKey } from './common.ts';

/** 0, 1 and 2 are the hypervisor, the guest itself and the host (virtio 1.4 §5.10.4). */
const CID_MIN = 3;
/** The upper 32 bits are reserved, and 2^32 - 1 means any. */
const CID_MAX = 2 ** 32 - 2;

export const vsock = object({
  help: 'Stream sockets between guest and host (AF_VSOCK in the guest, Unix sockets on the host).',
  keys: {
    path: path({
      required: true,
      access: 'socket',
      examples: ['vsock.sock'],
      help: 'The Unix socket at which programs of the host reach the guest: connect, send `CONNECT port` and a newline, read `OK port`; from there on it is a stream to that port in the guest. What the guest connects to, port 1234 of the host (CID 2), is the program that listens at the same path with `_1234` behind it.',
    }),
    cid: integer({
      min: CID_MIN,
      max: CID_MAX,
      default: CID_MIN,
      examples: ['42'],
      help: "The guest's address. Other VMs may have the same one.",
    }),
    'queue-size': queueSizeKey(256),
    ...COMMON_KEYS,
  },
});
