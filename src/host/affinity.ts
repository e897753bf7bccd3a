/** Which host CPU a thread runs on (sched_setaffinity(2)). */
import { check } from './errno.ts';
import { sched_setaffinity } from './libc.ts';

/** A cpu_set_t with only `cpu` in it. */
export function affinityMask(cpu: number): Uint8Array {
  const words = new BigUint64Array(Math.floor(cpu / 64) + 1);
  words[words.length - 1] = 1n << BigInt(cpu % 64);
  return new Uint8Array(words.buffer);
}

/** What failed, for an error. */
export function pinning(cpu: number): string {
  return `pin a vCPU to host CPU ${cpu}`;
}

/** Keeps the calling thread on host CPU `cpu`. */
export function pinThisThread(cpu: number): void {
  const mask = affinityMask(cpu);
  const remedies = { EINVAL: 'it does not exist, is offline, or is not allowed to this process' };
  check(sched_setaffinity(0, mask.length, mask), pinning(cpu), remedies);
}
