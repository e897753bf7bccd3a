/** `orko-vmm run`: a machine with its console and control socket, from start to exit code. */
import { EXIT } from '../cli/exit-codes.ts';
import type { VmConfig } from '../config/schema.ts';
import { Machine } from './machine.ts';
import { writeSync, readSync } from 'node:fs';
import { pollReadable } from '../host/libc.ts';

export async function runMachine(config: VmConfig, options: { quiet: boolean; verbose: boolean }): Promise<number> {
  const say = (m: string) => { if (!options.quiet) console.error(`orko-vmm: ${m}`); };
  using machine = await Machine.create(config, { write: (b) => void writeSync(1, b), resume: () => {} }, {
    stateChanged: (f, t) => { if (options.verbose) say(`${f} -> ${t}`); },
    rebooted: (n) => say(`boot ${n}`),
    guestEvent: (e) => say(e),
    warning: say,
  });
  const buffer = new Uint8Array(4096);
  try { pollReadable(0, () => { const n = readSync(0, buffer); if (n > 0) machine.receive(buffer.subarray(0, n)); }); } catch {}
  const ending = await machine.run();
  if (options.verbose) say(JSON.stringify(ending));
  if (ending.kind === 'failed') say(ending.message);
  return ending.kind === 'shutdown' ? EXIT.OK : EXIT.GUEST_CRASH;
}
