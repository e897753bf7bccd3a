/** A vCPU's state in words, for the message that ends a run: what went wrong, where, with which registers. */
import { KVM_EXIT_FAIL_ENTRY_CPU_UNSUPPORTED } from '../abi/kvm.ts';
import { formatAddress } from '../base/units.ts';
import { describeErrno } from '../host/errno.ts';
import type { Exit } from '../kvm/exit.ts';
import { ELR_EL1, ESR_EL1, FAR_EL1, PC, PSTATE, SP_EL1, VBAR_EL1, x } from '../kvm/registers.ts';
import type { Vcpu } from '../kvm/vcpu.ts';

const COLUMNS = 4;

/** "  pc 00000000402000f4 …", four registers a line. */
export function describeRegisters(vcpu: Vcpu): string {
  const named: [string, bigint][] = [
    ['pc', PC],
    ['pstate', PSTATE],
    ['sp', SP_EL1],
    ['elr', ELR_EL1],
    ['esr', ESR_EL1],
    ['far', FAR_EL1],
    ['vbar', VBAR_EL1],
    ...Array.from({ length: 31 }, (_, n): [string, bigint] => [`x${n}`, x(n)]),
  ];
  const cells = named.map(([name, id]) => `${name.padStart(6)} ${hex64(vcpu.getRegister(id))}`);
  const lines: string[] = [];
  for (let at = 0; at < cells.length; at += COLUMNS) lines.push(cells.slice(at, at + COLUMNS).join(' '));
  return lines.join('\n');
}

/** What an exit that nobody can answer means. */
export function explainExit(exit: Exit): string {
  switch (exit.kind) {
    case 'fail-entry':
      if (exit.reason & BigInt(KVM_EXIT_FAIL_ENTRY_CPU_UNSUPPORTED)) {
        return (
          `KVM cannot run it on host CPU ${exit.cpu}, which is of another kind than the one it started on ` +
          '(big.LITTLE): pin the vCPUs to CPUs of one kind with cpus.pin'
        );
      }
      return `KVM could not enter the guest (KVM_EXIT_FAIL_ENTRY, hardware reason ${exit.reason}, host CPU ${exit.cpu})`;
    case 'internal-error':
      return `KVM gave up (KVM_EXIT_INTERNAL_ERROR, suberror ${exit.suberror}, data ${exit.data.map(hex64).join(' ')})`;
    case 'memory-fault':
      return (
        `KVM found no usable memory behind guest address ${hex64(exit.gpa)}, ${exit.size} bytes ` +
        `(KVM_EXIT_MEMORY_FAULT, flags ${hex64(exit.flags)})`
      );
    case 'unexpected':
      return `KVM returned ${exit.name}, which orko-vmm never asks for`;
    default:
      return `KVM returned ${exit.kind}`;
  }
}

/** Of an access that a BAR's policy lets end the run. */
export function explainUnaligned({ pc, instruction, why }: { pc: bigint; instruction: string; why: string }): string {
  return (
    `at ${formatAddress(pc)} it used ${instruction}, which ${why}: let the policy of that BAR (bars) be ` +
    'device+emulate, or have the guest use aligned accesses'
  );
}

/** What it means that KVM_RUN itself failed with `errno`. */
export function explainRunFailure(errno: number): string {
  const words = describeErrno(errno);
  return (
    `KVM_RUN failed: ${words}. The guest did something to its memory that KVM cannot handle, such as an unaligned ` +
    'access to device memory or a fetch of instructions from there; the kernel log (dmesg) of the host says more'
  );
}

function hex64(value: bigint): string {
  return value.toString(16).padStart(16, '0');
}
