/** `rate-limit:` of devices that have one. 0 is no limit. */
import { GiB, TiB } from '../../base/units.ts';
import { integer, object, size } from '../kinds.ts';

export const rateLimitKey = (examples: readonly string[]) =>
  object({
    examples,
    help: 'How much the device does in a second; without it as much as it can.',
    keys: {
      'bytes-per-second': size({
        min: 0,
        max: 1 * TiB,
        default: 0,
        unit: 'bytes',
        defaultHelp: 'no limit',
        examples: ['10M'],
        help: 'Bytes a second, averaged.',
      }),
      'requests-per-second': integer({
        min: 0,
        max: 100_000_000,
        default: 0,
        unit: 'requests',
        defaultHelp: 'no limit',
        examples: ['1000'],
        help: 'Requests a second, averaged.',
      }),
      'burst-bytes': size({
        min: 0,
        max: 1 * GiB,
        default: 0,
        unit: 'bytes',
        defaultHelp: 'what a tenth of a second allows',
        examples: ['1M'],
        help: 'How many bytes may go at once after a time of rest.',
      }),
      'burst-requests': integer({
        min: 0,
        max: 100_000_000,
        default: 0,
        unit: 'requests',
        defaultHelp: 'what a tenth of a second allows',
        examples: ['100'],
        help: 'How many requests may go at once after a time of rest.',
      }),
    },
  });
