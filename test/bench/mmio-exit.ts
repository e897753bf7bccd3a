/**
 * mmio-exit: what one MMIO read costs the guest that has to be answered by the VMM, as a bare-metal loop over the RTC's
 * data register sees it. KVM's own count has to say that every one of the reads left for user space.
 */
import type { ProgressSink } from '../../src/nested/progress.ts';
import type { BenchHost } from './bench-host.ts';
import { type BenchGuest, type Contender, invocation } from './contenders.ts';
import type { Round } from './figure.ts';
import { inRounds } from './rounds.ts';

/** The payload's report (guests/bare-metal/mmio-storm.c); the ticks are those of the loop less an empty one, then those of the empty one. */
const REPORT = /MMIO-STORM reads=(\d+) ticks=(\d+) loop=(\d+) freq=(\d+)/;
const PAYLOAD = 'mmio-storm.bin';

export async function measureMmioExit(host: BenchHost, progress: ProgressSink): Promise<readonly Round[]> {
  return inRounds('mmio-exit', progress, async (contender) => (await storm(host, contender)).read, microseconds);
}

export const microseconds = (value: number) => `${value.toFixed(1)} µs`;

/** Microseconds: of a read, and of a turn of the loop around it. `more`: what the payload is told, and devices; `exits`: whether each read shall leave for user space. */
export async function storm(
  host: BenchHost,
  contender: Contender,
  { exits: shallExit = true, ...more }: Pick<BenchGuest, 'cmdline' | 'devices'> & { readonly exits?: boolean } = {},
): Promise<{ readonly read: number; readonly loop: number }> {
  const { prepare, command } = invocation(contender, { cpus: 1, kernel: PAYLOAD, ...more });
  // An open statistics file keeps KVM's VM, and with it the count, beyond the end of the program.
  const counted = `
    ${command} </dev/null >console & pid=$!
    until exec 3</sys/kernel/debug/kvm/$pid-*/mmio_exit_user; do kill -0 $pid || break; done 2>/dev/null
    wait $pid; echo "$? $(cat <&3)"; cat console`;
  const { stdout, stderr } = await host.run(`${prepare};${counted}`);
  const [code, exits = 0] = stdout.split('\n', 1)[0]!.split(' ').map(Number);
  const [reads = 0, ticks = 0, loop = 0, frequency = 0] = REPORT.exec(stdout)?.slice(1).map(Number) ?? [];
  if (code !== 0 || reads === 0) {
    throw new Error(`The payload did not report (exit code ${code}): ${command}\n${stdout.slice(-2000)}\n${stderr}`);
  }
  if (exits < reads === shallExit) throw new Error(`Of ${reads} reads ${exits} were exits to user space: ${command}`);
  const each = (count: number) => ((count / frequency) * 1e6) / reads;
  return { read: each(ticks), loop: each(loop) };
}
