/** `type: blk`. */
import { KiB } from '../../base/units.ts';
import { choice, flag, integer, object, path, text } from '../kinds.ts';
import { COMMON_KEYS, queueSizeKey } from './common.ts';
import { rateLimitKey } from './rate-limit.ts';

/** As many as a guest of our largest kind has vCPUs for. */
const QUEUES_MAX = 64;

export const blk = object({
  help: 'A disk: a raw image in a file, or a block device.',
  keys: {
    path: path({
      required: true,
      access: 'read',
      examples: ['root.ext4', '/dev/mmcblk0p3'],
      help: 'The image or block device. It is locked, so that no two VMs write it; several may read it with `readonly: true`.',
    }),
    readonly: flag({ default: false, examples: ['true'], help: 'Whether the guest may only read.' }),
    format: choice({
      choices: ['auto', 'raw'],
      default: 'auto',
      examples: ['raw'],
      meanings: {
        auto: 'refuse files that look like qcow2, VMDK and other formats, which the guest could not make sense of',
        raw: 'do not look: the guest gets the bytes of the file',
      },
      help: 'What the file is taken for.',
    }),
    cache: choice({
      choices: ['writeback', 'writethrough'],
      default: 'writeback',
      examples: ['writethrough'],
      meanings: {
        writeback:
          'what is written is safe once the guest has flushed, as on every disk with a cache; it does so when a program calls fsync',
        writethrough: 'every write is safe when it is done, for guests that do not flush; much slower',
      },
      help: 'What the guest finds after a start; it can change that itself.',
    }),
    serial: text({
      pattern: /^[\x20-\x7e]{0,20}$/,
      patternHelp: 'at most 20 ASCII characters',
      examples: ['ROOT-0001'],
      defaultHelp: "the device's name",
      help: 'What the guest reads as serial number, in Linux `/sys/block/vda/serial`.',
    }),
    'block-size': integer({
      min: 512,
      max: 4 * KiB,
      only: [512, 4 * KiB],
      unit: 'bytes',
      examples: ['4096'],
      defaultHelp: '512, or what the block device has',
      help: 'The smallest piece that the guest reads or writes.',
    }),
    discard: flag({
      default: true,
      examples: ['false'],
      help: 'Whether what the guest discards is given back to the host, as holes in the file.',
    }),
    shared: flag({
      default: false,
      examples: ['true'],
      help: 'Do not lock it: somebody else may write it too, which only cluster file systems survive.',
    }),
    'rate-limit': rateLimitKey(['{ bytes-per-second: 50M, requests-per-second: 500 }']),
    queues: integer({
      min: 1,
      max: QUEUES_MAX,
      default: 1,
      unit: 'queues',
      examples: ['4'],
      help: 'How many queues the driver may use. One thread serves them all, so more than one helps only guests with many vCPUs.',
    }),
    'queue-size': queueSizeKey(256),
    ...COMMON_KEYS,
  },
});
