/** What KVM's abilities mean for guests. */
import { formatSize } from '../base/units.ts';
import type { Finding, Severity } from './finding.ts';
import type { KvmFacts } from './kvm-facts.ts';

/** What a GICv2's registers have room for (Arm IHI 0048, GICD_ITARGETSR). */
const GICV2_CPU_COUNT_MAX = 8;

export function kvmFindings(facts: KvmFacts): readonly Finding[] {
  const { features } = facts;
  return [
    ...gicFindings(facts),
    {
      id: 'ipa-bits',
      title: 'Guest addresses',
      severity: 'ok',
      value: `${facts.ipaBitsMax} bits`,
      consequence: `everything of a guest lies below ${formatSize(2 ** facts.ipaBitsMax)}`,
    },
    {
      id: 'vcpus',
      title: 'vCPUs',
      severity: 'ok',
      value: `${facts.cpuCountMax} at most`,
      consequence: `more than ${facts.cpuCountRecommended} in one guest share the host's CPUs`,
    },
    yesOrNo('read-only-slots', 'Read-only slots', facts.readOnlySlots, {
      yes: 'guests read device registers without leaving (register-pages: auto)',
      no: 'every read of a device register leaves the guest, and register-pages: on is refused',
    }),
    yesOrNo('fwb', 'FEAT_S2FWB', facts.forcesWriteBack, {
      yes: 'what guests read of device registers without leaving (register-pages) is current by itself',
      no: 'register-pages costs a call at each change of a register, and leaves devices with interrupt: strict out',
    }),
    {
      ...yesOrNo('sve', 'SVE', features.sve, { yes: 'guests have it', no: 'cpus.sve: on is refused' }),
      ...(features.sve && { value: `up to ${facts.sveBitsMax} bits` }),
    },
    yesOrNo('pauth', 'Pointer auth', features.pauth, { yes: 'guests have it', no: 'cpus.pauth: on is refused' }),
    yesOrNo('pmu', 'PMUv3', features.pmu, { yes: 'perf works in guests', no: 'cpus.pmu: on is refused' }),
    yesOrNo('mte', 'Memory tagging', features.mte, {
      yes: 'guests have it with cpus.mte: on',
      no: 'cpus.mte: on is refused',
    }),
    yesOrNo('stolen-time', 'Stolen time', features.stolenTime, {
      yes: 'guests see when the host ran others',
      no: 'guests count time that the host gave to others as their own',
    }),
    yesOrNo('nested', 'Nested guests', facts.nested, {
      yes: 'KVM could run hypervisors; orko-vmm does not ask for it',
      no: 'guests have no KVM of their own',
    }),
    yesOrNo('counter-offset', 'Counter offset', facts.counterOffset, {
      yes: 'all clocks of a paused guest stand still',
      no: "a pause stops the guest's virtual counter, but not its physical one",
      remedy: 'use Linux 6.4 or newer',
    }),
    yesOrNo('coalesced-mmio', 'Coalesced MMIO', facts.coalescedMmio, {
      yes: 'console output leaves the guest in batches',
      no: 'orko-vmm cannot run a guest without it',
      remedy: 'use a kernel with CONFIG_KVM as Linux has it',
      without: 'error',
    }),
    yesOrNo('eventfds', 'ioeventfd, irqfd', facts.ioeventfd && facts.irqfd, {
      yes: 'devices and back-ends are notified without leaving the kernel',
      no: 'devices in other processes cannot be used',
      without: 'warning',
    }),
  ];
}

function gicFindings({ gicV3, gicV2, its }: KvmFacts): Finding[] {
  const nothing = !gicV3 && !gicV2;
  return [
    {
      id: 'gic-v3',
      title: 'GICv3',
      severity: gicV3 ? 'ok' : nothing ? 'error' : 'note',
      value: gicV3 ? 'yes' : 'no',
      consequence: gicV3
        ? 'guests get it (gic: auto)'
        : nothing
          ? 'guests cannot have an interrupt controller'
          : `guests get a GICv2 (gic: auto), and at most ${GICV2_CPU_COUNT_MAX} vCPUs`,
    },
    yesOrNo('gic-v2', 'GICv2', gicV2, {
      yes: `gic: v2 works, with at most ${GICV2_CPU_COUNT_MAX} vCPUs`,
      no: 'gic: v2 is refused',
    }),
    yesOrNo('its', 'ITS', its, {
      yes: 'message-signalled interrupts (MSIs) on GICv3',
      no: gicV2 ? 'message-signalled interrupts (MSIs) on GICv2 only' : 'no message-signalled interrupts (MSIs)',
    }),
  ];
}

function yesOrNo(
  id: string,
  title: string,
  has: boolean,
  means: { yes: string; no: string; remedy?: string; without?: Severity },
): Finding {
  if (has) return { id, title, severity: 'ok', value: 'yes', consequence: means.yes };
  const { no, remedy, without = 'note' } = means;
  return { id, title, severity: without, value: 'no', consequence: no, ...(remedy !== undefined && { remedy }) };
}
