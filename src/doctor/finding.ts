/** What `orko-vmm doctor` finds out about one property of the host. */

/** ok: as good as it gets · note: something is not to be had · warning: VMs run worse · error: no VM runs. */
export type Severity = 'ok' | 'note' | 'warning' | 'error';

export interface Finding {
  /** Stable, for scripts. */
  readonly id: string;
  readonly title: string;
  readonly value: string;
  /** What follows from it for VMs. */
  readonly consequence: string;
  /** What would make it better, where something can be done. */
  readonly remedy?: string;
  readonly severity: Severity;
}
