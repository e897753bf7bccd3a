/** The two that are compared, ours and QEMU: how each is told to run the same guest. */
import { quote } from '../../src/nested/l1.ts';

/** Names of files lie in the bench host's folder. */
export interface BenchGuest {
  readonly cpus: number;
  readonly kernel: string;
  readonly initrd?: string;
  readonly cmdline?: string;
  /** As `devices` of a config, and as arguments of QEMU. */
  readonly devices?: { readonly ours: string; readonly peer: readonly string[] };
}

/** Shell commands: what has to be there first (outside of what is timed), and the one that runs the guest. */
export interface Invocation {
  readonly prepare: string;
  readonly command: string;
}

export type Contender = 'ours' | 'peer';
export const CONTENDERS: readonly Contender[] = ['ours', 'peer'];

export const GUEST_MEMORY_MIB = 256;

export function invocation(contender: Contender, guest: BenchGuest): Invocation {
  return contender === 'ours' ? ours(guest) : qemu(guest);
}

/** The installed form in its default config: nothing is named but the guest. */
function ours({ cpus, kernel, initrd, cmdline, devices }: BenchGuest): Invocation {
  const lines = [`cpus: ${cpus}`, `memory: ${GUEST_MEMORY_MIB}M`, 'kernel:', `  image: ${kernel}`];
  if (initrd !== undefined) lines.push(`  initrd: ${initrd}`);
  if (cmdline !== undefined) lines.push(`  cmdline: ${cmdline}`);
  if (devices) lines.push(`devices: ${devices.ours}`);
  return {
    prepare: `printf '%s\\n' ${lines.map(quote).join(' ')} >guest.yaml`,
    command: 'package/bin/orko-vmm.js run guest.yaml',
  };
}

/** As little of `virt` as the guest needs; without `-display none` QEMU looks for a display, fails, and is quick at it. */
function qemu({ cpus, kernel, initrd, cmdline, devices }: BenchGuest): Invocation {
  const words = [
    ...['qemu-system-aarch64', '-M', 'virt,gic-version=3', '-cpu', 'host', '-accel', 'kvm', '-smp', `${cpus}`],
    ...['-m', `${GUEST_MEMORY_MIB}`, '-nodefaults', '-display', 'none', '-serial', 'stdio', '-kernel', kernel],
    ...(initrd === undefined ? [] : ['-initrd', initrd]),
    ...(cmdline === undefined ? [] : ['-append', cmdline]),
    ...(devices?.peer ?? []),
  ];
  return { prepare: 'true', command: words.map(quote).join(' ') };
}
