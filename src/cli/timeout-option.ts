/** `--timeout-s`, of the commands that speak to somebody who may not answer. */
import type { Option } from './command.ts';
import { UsageError } from './usage-error.ts';

const TIMEOUT_S_DEFAULT = 5;
const TIMEOUT_S_MAX = 86_400;

export const TIMEOUT_OPTION = {
  type: 'string',
  placeholder: 'SECONDS',
  describe: `How long to wait for each answer; ${TIMEOUT_S_DEFAULT} without it`,
} as const satisfies Option;

/** In milliseconds. */
export function timeoutMsOf(text: string | undefined, command: string): number {
  const seconds = Number(text ?? TIMEOUT_S_DEFAULT);
  if (seconds > 0 && seconds <= TIMEOUT_S_MAX) return 1000 * seconds;
  throw new UsageError(`--timeout-s ${text} is none: write seconds, at most ${TIMEOUT_S_MAX}`, command);
}
