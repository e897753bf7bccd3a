/** `orko-vmm probe --load-state FILE --save-state FILE`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { ConfigError } from '../base/errors.ts';
import { loadState, meetForState, saveState } from '../probe/device-state.ts';
import type { Target } from '../probe/target.ts';

export interface StateFiles {
  readonly loadState: string | undefined;
  /** Made anew: what is there already is somebody's. */
  readonly saveState: string | undefined;
}

/** Loads, then saves, on one connection; what was done, as lines. A PeerFault for what the back-end does not do. */
export function moveState(target: Target, files: StateFiles, timeoutMs: number): readonly string[] {
  const done: string[] = [];
  const state =
    files.loadState === undefined ? undefined : onFile('read', files.loadState, (path) => readFileSync(path));
  using peer = meetForState(target, timeoutMs);
  if (state) {
    loadState(peer, state, timeoutMs);
    done.push(`its state was loaded: ${state.length} bytes of ${files.loadState}`);
  }
  if (files.saveState !== undefined) {
    const saved = saveState(peer, timeoutMs);
    onFile('write', files.saveState, (path) => writeFileSync(path, saved, { flag: 'wx' }));
    done.push(`its state was saved: ${saved.length} bytes in ${files.saveState}`);
  }
  return done;
}

function onFile<Result>(verb: string, file: string, work: (path: string) => Result): Result {
  try {
    return work(file);
  } catch (error) {
    throw new ConfigError(`Cannot ${verb} the state: ${(error as Error).message}`, { file });
  }
}
