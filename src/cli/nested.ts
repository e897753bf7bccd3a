/** `orko-vmm nested CONFIG`: runs a config in an Arm host of its own, inside QEMU. */
import { basename, join } from 'node:path';
import { parseSize } from '../base/size.ts';
import { MiB } from '../base/units.ts';
import type { VmConfig } from '../config/schema.ts';
import type { L1Options } from '../nested/l1.ts';
import type { NestedOptions } from '../nested/nested.ts';
import { defineCommand } from './command.ts';
import { EXIT } from './exit-codes.ts';
import { CONFIG_OPTIONS, CONFIG_POSITIONAL, loadConfig, withConfig } from './load-config.ts';
import { UsageError } from './usage-error.ts';

/** Debian and orko-vmm fit into no less. */
const HOST_MEMORY_MIN = 512 * MiB;
/** What QEMU's virt machine takes with GICv3; with GICv2 it is 8. */
const HOST_CPUS_MAX = 123;

export const nestedCommand = defineCommand({
  name: 'nested',
  summary: 'Run a config in an Arm host inside QEMU',
  description: [
    'Runs the VM that the config describes on a machine that has no Arm KVM: boots an Arm host (Debian, with KVM) inside QEMU, runs `orko-vmm run` in it, and ends with its exit code. The first time it makes that host from Debian packages, which takes minutes; then seconds.',
    'The folders of all files and sockets that the config names are visible in the host at the same paths, and what is written there comes back. Devices and sockets of this machine cannot be shared; they are refused by name. `orko-vmm ctl` and `list` reach the VM from here as well.',
    "Keys go to the guest; Ctrl-A x ends it, and Ctrl-] pressed three times ends the whole nested machine. SIGINT and SIGTERM press the guest's power key; a second one ends everything.",
  ].join(' '),
  positionals: CONFIG_POSITIONAL,
  options: {
    ...CONFIG_OPTIONS,
    'host-cpu': {
      type: 'string',
      placeholder: 'MODEL',
      describe: "The host's CPU, as QEMU calls it: max (the default), cortex-a72 for boards like the Raspberry Pi 4, …",
    },
    'host-cpus': {
      type: 'string',
      placeholder: 'COUNT',
      describe: "The host's number of CPUs (default: yours, up to 4)",
    },
    'host-memory': { type: 'string', placeholder: 'SIZE', describe: "The host's memory (default: 4G)" },
    'host-gic': { type: 'string', choices: ['2', '3'], describe: "The host's interrupt controller (default: 3)" },
    'host-kernel': {
      type: 'string',
      choices: ['4k', '16k'],
      describe: "The host's kernel: Debian's with pages of 4 KiB (the default) or 16 KiB",
    },
    'qemu-arg': {
      type: 'string',
      array: true,
      placeholder: 'WORD',
      describe:
        "A word to add to QEMU's command line (may be repeated); one that begins with a dash after an equals sign",
    },
  },
  examples: [
    { line: 'orko-vmm nested board.yaml', what: 'Boot on any machine, with the console on this terminal' },
    {
      line: 'orko-vmm nested board.yaml --host-cpu cortex-a72 --host-gic 2',
      what: 'On a host like a Raspberry Pi 4',
    },
    { line: 'orko-vmm nested board.yaml --qemu-arg=-d --qemu-arg guest_errors', what: 'Let QEMU log what it dislikes' },
  ],
  async run({ config, set, quiet, verbose, ...host }) {
    const vm = await loadConfig(config, set);
    const l1 = hostOptions(host);
    const { runNested } = await import('../nested/nested.ts');
    const exitCodes = { nested: EXIT.NESTED, interrupted: EXIT.INTERRUPTED };
    const options = { configPath: config, set, vm, l1, quiet, verbose, exitCodes };
    return withConfig(vm, async () => runNested({ ...options, ...(await controlSocketOf(vm)) }));
  },
});

/** `ctl` and `list` of this machine reach the VM too, unless its socket has a place of its own: that is in the host then. */
async function controlSocketOf({ name, controlSocket }: VmConfig): Promise<Pick<NestedOptions, 'controlSocket'>> {
  if (controlSocket !== undefined) return {};
  const { claimSocket, socketFolder } = await import('../control/registry.ts');
  const uid = process.getuid!();
  const here = await claimSocket(name, socketFolder({ env: process.env, uid }), uid);
  return { controlSocket: { here, there: join(socketFolder({ env: {}, uid: 0 }), basename(here)) } };
}

interface HostWords {
  readonly hostCpu: string | undefined;
  readonly hostCpus: string | undefined;
  readonly hostMemory: string | undefined;
  readonly hostGic: '2' | '3' | undefined;
  readonly hostKernel: '4k' | '16k' | undefined;
  readonly qemuArg: readonly string[];
}

/** What the user said about the Arm host; the rest stays as it is by default. */
export function hostOptions(words: HostWords): Partial<L1Options> {
  return {
    ...(words.hostCpu !== undefined && { cpu: words.hostCpu }),
    ...(words.hostCpus !== undefined && { cpus: readCpus(words.hostCpus) }),
    ...(words.hostMemory !== undefined && { memoryMiB: readMemory(words.hostMemory) / MiB }),
    ...(words.hostGic !== undefined && { gic: words.hostGic === '2' ? 2 : 3 }),
    ...(words.hostKernel !== undefined && { kernel: words.hostKernel }),
    qemuArguments: words.qemuArg,
  };
}

function readCpus(word: string): number {
  const count = /^\d+$/.test(word) ? Number(word) : 0;
  if (count >= 1 && count <= HOST_CPUS_MAX) return count;
  throw new UsageError(`--host-cpus ${word}: expected a number from 1 to ${HOST_CPUS_MAX}`, 'nested');
}

function readMemory(word: string): number {
  const bytes = parseSize(word) ?? 0;
  if (bytes >= HOST_MEMORY_MIN && bytes % MiB === 0) return bytes;
  throw new UsageError(`--host-memory ${word}: expected a size of whole MiB from 512M on, like 4G`, 'nested');
}
