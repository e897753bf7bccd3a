/** Names for what KVM_GET/SET_ONE_REG reads and writes on arm64 (api.rst §4.68). */
import {
  KVM_REG_ARM_CORE,
  KVM_REG_ARM64,
  KVM_REG_ARM64_SVE,
  KVM_REG_ARM64_SVE_ZREG_BASE,
  KVM_REG_ARM64_SYSREG,
  KVM_REG_ARM64_SYSREG_CRM_SHIFT,
  KVM_REG_ARM64_SYSREG_CRN_SHIFT,
  KVM_REG_ARM64_SYSREG_OP0_SHIFT,
  KVM_REG_ARM64_SYSREG_OP1_SHIFT,
  KVM_REG_SIZE_U64,
  KVM_REG_SIZE_U128,
  KVM_REG_SIZE_U2048,
  kvm_regs,
} from '../abi/kvm.ts';

export type RegisterId = bigint;

/** A register of struct kvm_regs: its index counts 32-bit words. */
function core(offset: number, size: RegisterId = KVM_REG_SIZE_U64): RegisterId {
  return KVM_REG_ARM64 | size | BigInt(KVM_REG_ARM_CORE) | BigInt(offset / 4);
}

/** A system register by its encoding, as Arm DDI 0487 §C5.3 writes it. */
function systemRegister(op0: number, op1: number, crn: number, crm: number, op2: number): RegisterId {
  const encoding =
    (op0 << KVM_REG_ARM64_SYSREG_OP0_SHIFT) |
    (op1 << KVM_REG_ARM64_SYSREG_OP1_SHIFT) |
    (crn << KVM_REG_ARM64_SYSREG_CRN_SHIFT) |
    (crm << KVM_REG_ARM64_SYSREG_CRM_SHIFT) |
    op2;
  return KVM_REG_ARM64 | KVM_REG_SIZE_U64 | BigInt(KVM_REG_ARM64_SYSREG) | BigInt(encoding);
}

/** General-purpose register Xn, 0 ≤ n ≤ 30. */
export function x(n: number): RegisterId {
  return core(kvm_regs.fields['regs.regs'].offset + n * 8);
}

/** SIMD&FP register Vn, 16 bytes. KVM has it for a vCPU without SVE only. */
export function v(n: number): RegisterId {
  return core(kvm_regs.fields['fp_regs.vregs'].offset + n * V_BYTES, KVM_REG_SIZE_U128);
}
export const V_BYTES = 16;

/** SVE register Zn, of which Vn is the lowest part, as 256 bytes whatever its length (KVM_REG_ARM64_SVE_ZREG, slice 0). */
export function z(n: number): RegisterId {
  const index = KVM_REG_ARM64_SVE | KVM_REG_ARM64_SVE_ZREG_BASE | (n << 5);
  return KVM_REG_ARM64 | KVM_REG_SIZE_U2048 | BigInt(index);
}
export const Z_BYTES = 256;

export const PC = core(kvm_regs.fields['regs.pc'].offset);
export const SP_EL0 = core(kvm_regs.fields['regs.sp'].offset);
export const SP_EL1 = core(kvm_regs.fields.sp_el1.offset);
export const PSTATE = core(kvm_regs.fields['regs.pstate'].offset);
export const ELR_EL1 = core(kvm_regs.fields.elr_el1.offset);

export const SPSR_EL1 = core(kvm_regs.fields.spsr.offset);

export const MIDR_EL1 = systemRegister(3, 0, 0, 0, 0);
export const MPIDR_EL1 = systemRegister(3, 0, 0, 0, 5);
export const ID_AA64MMFR0_EL1 = systemRegister(3, 0, 0, 7, 0);
export const ID_AA64MMFR2_EL1 = systemRegister(3, 0, 0, 7, 2);
export const SCTLR_EL1 = systemRegister(3, 0, 1, 0, 0);
export const TTBR0_EL1 = systemRegister(3, 0, 2, 0, 0);
export const TTBR1_EL1 = systemRegister(3, 0, 2, 0, 1);
export const TCR_EL1 = systemRegister(3, 0, 2, 0, 2);
export const TCR2_EL1 = systemRegister(3, 0, 2, 0, 3);
export const ESR_EL1 = systemRegister(3, 0, 5, 2, 0);
export const FAR_EL1 = systemRegister(3, 0, 6, 0, 0);
export const VBAR_EL1 = systemRegister(3, 0, 12, 0, 0);
