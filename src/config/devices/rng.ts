/** `type: rng`. */
import { object } from '../kinds.ts';
import { COMMON_KEYS, queueSizeKey } from './common.ts';
import { rateLimitKey } from './rate-limit.ts';

export const rng = object({
  help: "Entropy from the host's kernel.",
  keys: {
    'rate-limit': rateLimitKey(['{ bytes-per-second: 4K }']),
    'queue-size': queueSizeKey(64),
    ...COMMON_KEYS,
  },
});
