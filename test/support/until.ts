/** Waiting for what other processes, or the event loop, will bring about. */
import { setTimeout as sleep } from 'node:timers/promises';

const TIMEOUT_MS = 5_000;

/** Resolves when `condition` holds; rejects, naming `what`, when it does not within some seconds. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + TIMEOUT_MS;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await sleep(5);
  }
}
