/** `type: balloon`. */
import { KiB, TiB } from '../../base/units.ts';
import { flag, integer, object, size } from '../kinds.ts';
import { COMMON_KEYS, queueSizeKey } from './common.ts';

export const balloon = object({
  help: 'Memory that the guest does not need goes back to the host: what it lends on request, and what it reports as free.',
  keys: {
    target: size({
      min: 0,
      max: 16 * TiB,
      multipleOf: 4 * KiB,
      default: 0,
      unit: 'bytes',
      examples: ['256M'],
      help: 'How much of its memory the guest shall lend from the start. `orko-vmm ctl VM device NAME target SIZE` changes it while the VM runs.',
    }),
    'deflate-on-oom': flag({
      default: true,
      examples: ['false'],
      help: 'Whether the guest may take memory back by itself before it kills a process for want of it.',
    }),
    'free-page-reporting': flag({
      default: true,
      examples: ['false'],
      help: 'Whether the guest may report memory that it does not use, which then goes back to the host without being asked for.',
    }),
    'stats-interval-s': integer({
      min: 0,
      max: 86_400,
      default: 0,
      unit: 'seconds',
      examples: ['10'],
      help: 'How often the guest is asked for its memory statistics, which `orko-vmm ctl VM device NAME stats` prints. 0: only by that command, which prints the last ones and asks for new ones.',
    }),
    'queue-size': queueSizeKey(128),
    ...COMMON_KEYS,
  },
});
