/**
 * Why a vCPU came back to us (api.rst §5). MMIO is the frequent one, so its fields are read in place; everything else is
 * decoded into a value.
 */
import {
  KVM_EXIT_ARM_NISV,
  KVM_EXIT_FAIL_ENTRY,
  KVM_EXIT_INTERNAL_ERROR,
  KVM_EXIT_INTR,
  KVM_EXIT_MEMORY_FAULT,
  KVM_EXIT_MMIO,
  KVM_EXIT_SYSTEM_EVENT,
  KVM_SYSTEM_EVENT_CRASH,
  KVM_SYSTEM_EVENT_RESET,
  KVM_SYSTEM_EVENT_SHUTDOWN,
  KVM_SYSTEM_EVENT_SUSPEND,
  kvm_run,
  kvmExitNames,
} from '../abi/kvm.ts';
import type { GuestAddress } from '../base/range.ts';

const Field = kvm_run.fields;
/** Of the frequent exit, as plain numbers: after a world switch every object that is touched costs. */
const EXIT_REASON = Field.exit_reason.offset;
const MMIO_PHYS_ADDR = Field['mmio.phys_addr'].offset;
const MMIO_DATA = Field['mmio.data'].offset;
const MMIO_LEN = Field['mmio.len'].offset;
const MMIO_IS_WRITE = Field['mmio.is_write'].offset;

/** The exits that end a run, or that are rare. */
export type Exit =
  | { readonly kind: 'shutdown' | 'reset' | 'guest-crash' | 'suspend' }
  /** An access whose instruction KVM could not decode: `esr_iss` has WnR in bit 6. */
  | { readonly kind: 'nisv'; readonly esr_iss: number; readonly fault_ipa: GuestAddress }
  | { readonly kind: 'fail-entry'; readonly reason: bigint; readonly cpu: number }
  | { readonly kind: 'internal-error'; readonly suberror: number; readonly data: readonly bigint[] }
  | { readonly kind: 'memory-fault'; readonly flags: bigint; readonly gpa: bigint; readonly size: bigint }
  | { readonly kind: 'unexpected'; readonly reason: number; readonly name: string };

/** Reads kvm_run of one vCPU. */
export class ExitReader {
  readonly #view: DataView;

  constructor(run: DataView) {
    this.#view = run;
  }

  get reason(): number {
    return this.#view.getUint32(EXIT_REASON, true);
  }

  get mmioAddress(): GuestAddress {
    const low = this.#view.getUint32(MMIO_PHYS_ADDR, true);
    const high = this.#view.getUint32(MMIO_PHYS_ADDR + 4, true);
    return high * 2 ** 32 + low;
  }

  /** Bytes; 0 for an exit that was answered (`forget`). */
  get mmioLength(): number {
    return this.#view.getUint32(MMIO_LEN, true);
  }

  get mmioIsWrite(): boolean {
    return this.#view.getUint8(MMIO_IS_WRITE) !== 0;
  }

  /** What the guest writes, 1…4 bytes. */
  mmioValue(length: number): number {
    if (length === 4) return this.#view.getUint32(MMIO_DATA, true);
    if (length === 2) return this.#view.getUint16(MMIO_DATA, true);
    return this.#view.getUint8(MMIO_DATA);
  }

  get mmioValue64(): bigint {
    return this.#view.getBigUint64(MMIO_DATA, true);
  }

  /** What the guest reads, zero-extended. KVM takes the bytes that the access wants at the next KVM_RUN. */
  completeRead(value: number | bigint): void {
    if (typeof value === 'number') this.#view.setUint32(MMIO_DATA, value, true);
    else this.#view.setBigUint64(MMIO_DATA, value, true);
  }

  /**
   * Marks the exit as answered, so that a KVM_RUN which returns early (a kick) cannot be mistaken for a second exit of
   * the same kind. The reason of an MMIO exit stays: KVM completes the access by it.
   */
  forget(): void {
    if (this.reason === KVM_EXIT_MMIO) this.#view.setUint32(MMIO_LEN, 0, true);
    else this.#view.setUint32(EXIT_REASON, KVM_EXIT_INTR, true);
  }

  /** Everything but MMIO, INTR and failures of KVM_RUN itself. */
  decode(): Exit {
    const view = this.#view;
    const reason = this.reason;
    switch (reason) {
      case KVM_EXIT_SYSTEM_EVENT:
        return systemEvent(view.getUint32(Field['system_event.type'].offset, true));
      case KVM_EXIT_ARM_NISV:
        return {
          kind: 'nisv',
          esr_iss: Number(view.getBigUint64(Field['arm_nisv.esr_iss'].offset, true)),
          fault_ipa: Number(view.getBigUint64(Field['arm_nisv.fault_ipa'].offset, true)),
        };
      case KVM_EXIT_FAIL_ENTRY:
        return {
          kind: 'fail-entry',
          reason: view.getBigUint64(Field['fail_entry.hardware_entry_failure_reason'].offset, true),
          cpu: view.getUint32(Field['fail_entry.cpu'].offset, true),
        };
      case KVM_EXIT_INTERNAL_ERROR: {
        const count = Math.min(view.getUint32(Field['internal.ndata'].offset, true), 16);
        const data = Array.from({ length: count }, (_, index) =>
          view.getBigUint64(Field['internal.data'].offset + index * 8, true),
        );
        return { kind: 'internal-error', suberror: view.getUint32(Field['internal.suberror'].offset, true), data };
      }
      case KVM_EXIT_MEMORY_FAULT:
        return {
          kind: 'memory-fault',
          flags: view.getBigUint64(Field['memory_fault.flags'].offset, true),
          gpa: view.getBigUint64(Field['memory_fault.gpa'].offset, true),
          size: view.getBigUint64(Field['memory_fault.size'].offset, true),
        };
      default:
        return { kind: 'unexpected', reason, name: kvmExitNames[reason]?.[0] ?? `exit reason ${reason}` };
    }
  }
}

export const isMmio = (reason: number): boolean => reason === KVM_EXIT_MMIO;

function systemEvent(type: number): Exit {
  switch (type) {
    case KVM_SYSTEM_EVENT_SHUTDOWN:
      return { kind: 'shutdown' };
    case KVM_SYSTEM_EVENT_RESET:
      return { kind: 'reset' };
    case KVM_SYSTEM_EVENT_CRASH:
      return { kind: 'guest-crash' };
    case KVM_SYSTEM_EVENT_SUSPEND:
      return { kind: 'suspend' };
    default:
      return { kind: 'unexpected', reason: KVM_EXIT_SYSTEM_EVENT, name: `KVM_EXIT_SYSTEM_EVENT type ${type}` };
  }
}
