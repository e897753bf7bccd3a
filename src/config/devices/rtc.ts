/** `type: rtc`. */
import { choice, flag, object } from '../kinds.ts';
import { COMMON_KEYS, queueSizeKey } from './common.ts';

export const rtc = object({
  help: "The host's clocks: UTC without leap steps, with an alarm (Linux: `/dev/rtcN` and `/dev/ptpN`), and others as PTP clocks. On arm64 they can be read together with the guest's counter, so the guest's time can follow the host's closely.",
  keys: {
    monotonic: flag({
      default: true,
      examples: ['false'],
      help: 'Whether there is a clock of the time since the host was booted.',
    }),
    tai: choice({
      choices: ['auto', 'on', 'off'],
      default: 'auto',
      examples: ['off'],
      meanings: {
        auto: 'where the host knows how far TAI is from UTC',
        on: 'refuse to start where it does not',
        off: 'never',
      },
      help: 'Whether there is a clock of International Atomic Time.',
    }),
    'queue-size': queueSizeKey(16),
    ...COMMON_KEYS,
  },
});
