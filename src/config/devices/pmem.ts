/** `type: pmem`. */
import { flag, object, path } from '../kinds.ts';
import { COMMON_KEYS, queueSizeKey } from './common.ts';

export const pmem = object({
  help: 'A file as persistent memory of the guest (`/dev/pmem0`), which the guest reads and writes without a cache of its own: `root=/dev/pmem0`. What was flushed is in the file.',
  keys: {
    path: path({
      required: true,
      access: 'read',
      examples: ['root.ext4'],
      help: 'The file, a multiple of 2M in size. The guest sees every change of it.',
    }),
    readonly: flag({
      default: false,
      examples: ['true'],
      help: 'Opens the file for reading. A guest that writes all the same gets an abort, as Linux has no way to be told: mount it read-only.',
    }),
    'queue-size': queueSizeKey(64),
    ...COMMON_KEYS,
  },
});
