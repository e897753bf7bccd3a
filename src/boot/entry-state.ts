/**
 * The registers of the first vCPU when it enters the kernel (Documentation/arch/arm64/booting.rst §4, "Before jumping
 * into the kernel"), as data: kvm/registers.ts knows how to set them. Raw binaries start the same way. All other
 * registers keep what KVM_ARM_VCPU_INIT gave them; further vCPUs are started by the guest through PSCI.
 */
import { bit } from '../base/bits.ts';
import type { GuestAddress } from '../base/range.ts';

/** Registers as the Arm ARM names them, in the order in which they are set. */
export type EntryRegister = 'x0' | 'x1' | 'x2' | 'x3' | 'pc' | 'pstate';

/** SPSR_EL1 when taken from AArch64, Arm ARM C5.2.18. */
const PSTATE = { D: bit(9), A: bit(8), I: bit(7), F: bit(6), M_EL1h: 0b0101 } as const;

export function entryState(entry: GuestAddress, dtb: GuestAddress): readonly (readonly [EntryRegister, bigint])[] {
  return [
    ['x0', BigInt(dtb)],
    ['x1', 0n],
    ['x2', 0n],
    ['x3', 0n],
    ['pc', BigInt(entry)],
    ['pstate', BigInt(PSTATE.D | PSTATE.A | PSTATE.I | PSTATE.F | PSTATE.M_EL1h)],
  ];
}
