/** A data abort as the guest takes it at EL1 (Arm DDI 0487 §D1.3.6, AArch64.TakeException). */

/** Of the CPU that takes it. */
export interface AbortedCpu {
  readonly pc: bigint;
  readonly pstate: bigint;
  readonly sctlr: bigint;
  readonly vbar: bigint;
}

export interface Abort {
  /** The address that was refused, and why (DFSC). */
  readonly virtual: bigint;
  readonly status: number;
  readonly isWrite: boolean;
}

/** The registers afterwards. */
export interface AbortTaken {
  readonly pc: bigint;
  readonly pstate: bigint;
  readonly elr: bigint;
  readonly spsr: bigint;
  readonly esr: bigint;
  readonly far: bigint;
}

const PSTATE = { SP: 1n << 0n, EL1: 1n << 2n, DAIF: 0xfn << 6n, PAN: 1n << 22n, SSBS: 1n << 12n } as const;
/** N, Z, C, V, DIT and PAN stay as they are. */
const PSTATE_KEPT = (0xfn << 28n) | (1n << 24n) | PSTATE.PAN;
const SCTLR = { SPAN: 1n << 23n, DSSBS: 1n << 44n } as const;
/** Exception class: from EL0 and from EL1; IL; WnR. */
const ESR = { EC_LOWER: 0x24n << 26n, EC_SAME: 0x25n << 26n, IL: 1n << 25n, WNR: 1n << 6n } as const;
/** Vectors of synchronous exceptions: from EL1 with SP_EL0, from EL1 with SP_EL1, from EL0. */
const VECTOR = { currentSp0: 0x000n, currentSpX: 0x200n, lower: 0x400n } as const;

export function takeDataAbort({ pc, pstate, sctlr, vbar }: AbortedCpu, abort: Abort): AbortTaken {
  const isEl1 = (pstate & PSTATE.EL1) !== 0n;
  const vector = !isEl1 ? VECTOR.lower : (pstate & PSTATE.SP) !== 0n ? VECTOR.currentSpX : VECTOR.currentSp0;
  let next = (pstate & PSTATE_KEPT) | PSTATE.DAIF | PSTATE.EL1 | PSTATE.SP;
  if ((sctlr & SCTLR.SPAN) === 0n) next |= PSTATE.PAN;
  if ((sctlr & SCTLR.DSSBS) !== 0n) next |= PSTATE.SSBS;
  return {
    pc: vbar + vector,
    pstate: next,
    elr: pc,
    spsr: pstate,
    esr: (isEl1 ? ESR.EC_SAME : ESR.EC_LOWER) | ESR.IL | (abort.isWrite ? ESR.WNR : 0n) | BigInt(abort.status),
    far: abort.virtual,
  };
}
