/**
 * How a BAR of a passed-through PCI function is shown to the guest, and what that means. KVM takes the memory type of stage 2
 * from the mapping behind a slot, so a policy is a choice of mapping (docs/device-memory.md).
 */

export interface PolicyMeaning {
  /** What is done. */
  readonly how: string;
  /** What it costs. */
  readonly cost: string;
  /** What the guest has to do for it, if anything. */
  readonly guest?: string;
}

export const BAR_POLICIES = {
  direct: {
    how: 'the guest has it as Normal non-cacheable memory: it may combine writes and access it unaligned',
    cost: 'nothing',
  },
  'ro-direct': {
    how: 'the guest reads it without leaving, every write exits and is done in accesses of its own width',
    cost: 'an exit for each write',
  },
  trap: { how: 'every access exits and is done in accesses of its own width', cost: 'an exit for each access' },
  device: {
    how: 'the guest has it as Device-nGnRE memory, whatever it asks for: nothing is combined',
    cost: 'nothing; an unaligned access ends the run',
    guest: 'only aligned accesses',
  },
  'device+emulate': {
    how: 'as device, and an unaligned access is carried out for the guest',
    cost: 'an exit for each unaligned access, and a line in the kernel log of the host',
  },
  'device+inject': {
    how: 'as device, and the guest gets an alignment fault for an unaligned access',
    cost: 'as device+emulate',
    guest: 'a kernel that fixes alignment faults up',
  },
  refuse: { how: 'the VM does not start until the config names a policy', cost: 'a decision' },
} as const satisfies Record<string, PolicyMeaning>;

export type BarPolicy = keyof typeof BAR_POLICIES;
export const BAR_POLICY_NAMES = Object.keys(BAR_POLICIES) as readonly BarPolicy[];
