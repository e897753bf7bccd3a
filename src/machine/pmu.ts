/**
 * The PMU of each vCPU. A host with unlike cores (big.LITTLE) has one kind of PMU for each kind of core; a vCPU keeps the
 * one it is given and can only run on those cores, so it is given that of the CPU it is pinned to (virt/kvm/devices/vcpu.rst §1.4).
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  KVM_ARM_VCPU_PMU_V3_CTRL,
  KVM_ARM_VCPU_PMU_V3_INIT,
  KVM_ARM_VCPU_PMU_V3_IRQ,
  KVM_ARM_VCPU_PMU_V3_SET_PMU,
} from '../abi/kvm.ts';
import { parseCpuRanges } from '../host/cpus.ts';
import type { Vcpu } from '../kvm/vcpu.ts';
import { PMU_INTID } from './layout.ts';

const EVENT_SOURCES = '/sys/bus/event_source/devices';
/** Core PMUs list their CPUs in `cpus`; those of interconnects and devices have `cpumask`. */
const CPUS = 'cpus';

/** Before the interrupt controller is initialised. `pinnedTo`: the host CPU of this vCPU, if it is pinned. */
export function setUpPmu(vcpu: Vcpu, pinnedTo: number | undefined): void {
  const type = pinnedTo === undefined ? undefined : pmuTypeOf(pinnedTo);
  const setPmu = { group: KVM_ARM_VCPU_PMU_V3_CTRL, attr: KVM_ARM_VCPU_PMU_V3_SET_PMU };
  if (type !== undefined && vcpu.hasAttribute(setPmu)) {
    vcpu.setAttribute(setPmu, int32(type), `give vCPU ${vcpu.index} the PMU of host CPU ${pinnedTo}`);
  }
  const setInterrupt = { group: KVM_ARM_VCPU_PMU_V3_CTRL, attr: KVM_ARM_VCPU_PMU_V3_IRQ };
  vcpu.setAttribute(setInterrupt, int32(PMU_INTID), `set the PMU interrupt of vCPU ${vcpu.index}`);
}

/** After the interrupt controller is initialised. */
export function initPmu(vcpu: Vcpu): void {
  const attribute = { group: KVM_ARM_VCPU_PMU_V3_CTRL, attr: KVM_ARM_VCPU_PMU_V3_INIT };
  vcpu.setAttribute(attribute, undefined, `initialise the PMU of vCPU ${vcpu.index}`);
}

/** perf's number for the PMU of a host CPU, which is KVM's name for it too. */
function pmuTypeOf(cpu: number): number | undefined {
  if (!existsSync(EVENT_SOURCES)) return undefined;
  const folder = readdirSync(EVENT_SOURCES)
    .map((name) => join(EVENT_SOURCES, name))
    .find((source) => existsSync(join(source, CPUS)) && cpusOf(source).includes(cpu));
  return folder === undefined ? undefined : Number(readFileSync(join(folder, 'type'), 'utf8'));
}

function cpusOf(source: string): readonly number[] {
  return parseCpuRanges(readFileSync(join(source, CPUS), 'utf8').trim());
}

function int32(value: number): Uint8Array {
  return new Uint8Array(new Int32Array([value]).buffer);
}
