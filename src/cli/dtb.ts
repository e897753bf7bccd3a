/** `orko-vmm dtb CONFIG`: the device tree that the guest would get, seeds aside. */
import { isatty } from 'node:tty';
import { HostError } from '../base/errors.ts';
import type { VmConfig } from '../config/schema.ts';
import { assumedFacts } from '../machine/assumed-facts.ts';
import type { GuestFacts } from '../machine/guest-tree.ts';
import { defineCommand } from './command.ts';
import { EXIT } from './exit-codes.ts';
import { CONFIG_OPTIONS, CONFIG_POSITIONAL, loadConfig, withConfig } from './load-config.ts';
import { print, say } from './output.ts';
import { UsageError } from './usage-error.ts';

const STDOUT = 1;

export const dtbCommand = defineCommand({
  name: 'dtb',
  summary: "Print the guest's device tree",
  description: [
    'Prints the device tree that `orko-vmm run` would give the guest, overlays applied: as a binary (DTB), or with --dts as source text. The two seeds, which are new at every boot, are zeros here, so the same config gives the same bytes.',
    'On an Arm host with KVM the interrupt controller, the PMU and the MPIDRs are those that KVM gives. Elsewhere they are assumed, and standard error says so: GICv3 with an ITS and a PMU, unless the config asks for something else.',
  ].join(' '),
  positionals: CONFIG_POSITIONAL,
  options: { ...CONFIG_OPTIONS, dts: { type: 'boolean', describe: 'Print source text instead of the binary' } },
  examples: [
    { line: 'orko-vmm dtb board.yaml --dts', what: 'Read it' },
    { line: 'orko-vmm dtb board.yaml > board.dtb', what: 'Save it for another program' },
    { line: 'orko-vmm dtb board.yaml --dts --set gic=v2', what: 'See what another interrupt controller changes' },
  ],
  async run({ config, set, dts, quiet }) {
    if (!dts && isatty(STDOUT)) {
      throw new UsageError('A binary is of no use on a terminal: add --dts, or send it into a file', 'dtb');
    }
    const vm = await loadConfig(config, set);
    const tree = await withConfig(vm, async () => {
      const [{ prepareImages }, { guestTree }] = await Promise.all([
        import('../machine/images.ts'),
        import('../machine/guest-tree.ts'),
      ]);
      const { placement } = await prepareImages(vm, vm.memory);
      const facts = await factsHere(vm, quiet ? () => {} : (line) => say(`orko-vmm: ${line}`));
      return guestTree(vm, { ...facts, initrd: placement.initrd });
    });
    if (dts) print((await import('../fdt/dts.ts')).formatDts(tree));
    else print((await import('../fdt/writer.ts')).writeDtb(tree));
    return EXIT.OK;
  },
});

/** The facts of this host, from a VM made as `run` makes it; or assumed ones, which the user is told. */
async function factsHere(vm: VmConfig, tell: (line: string) => void): Promise<GuestFacts> {
  const assumed = assumedFacts(vm);
  if (process.arch !== 'arm64') {
    tell(`This is an ${process.arch} host: ${assumptionsIn(assumed)}`);
    return assumed;
  }
  const [{ Kvm }, { GuestVm }] = await Promise.all([import('../kvm/system.ts'), import('../machine/guest-vm.ts')]);
  using kvm = openOr(
    () => Kvm.open(),
    (reason) => tell(`${reason}; ${assumptionsIn(assumed)}`),
  );
  if (!kvm) return assumed;
  using guest = new GuestVm(kvm, vm);
  const { mpidrs, gic, features } = guest;
  return { ...assumed, mpidrs, gicVersion: gic.version, hasIts: gic.hasIts, hasPmu: features.pmu };
}

function openOr<Result>(open: () => Result, without: (reason: string) => void): Result | undefined {
  try {
    return open();
  } catch (error) {
    if (!(error instanceof HostError)) throw error;
    without(error.message);
    return undefined;
  }
}

function assumptionsIn({ gicVersion, hasIts, hasPmu }: GuestFacts): string {
  const controller = gicVersion === 2 ? 'GICv2 with GICv2m' : `GICv3 ${hasIts ? 'with' : 'without'} an ITS`;
  return `assumed ${controller}, ${hasPmu ? 'a' : 'no'} PMU, and MPIDRs as KVM numbers them`;
}
