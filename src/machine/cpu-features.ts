/** Which CPU features the guest gets: what the config asks for, against what this host's KVM has. */
import {
  KVM_ARM_VCPU_PMU_V3,
  KVM_ARM_VCPU_POWER_OFF,
  KVM_ARM_VCPU_PSCI_0_2,
  KVM_ARM_VCPU_PTRAUTH_ADDRESS,
  KVM_ARM_VCPU_PTRAUTH_GENERIC,
  KVM_ARM_VCPU_SVE,
  KVM_CAP_ARM_MTE,
  KVM_CAP_ARM_PMU_V3,
  KVM_CAP_ARM_PTRAUTH_ADDRESS,
  KVM_CAP_ARM_PTRAUTH_GENERIC,
  KVM_CAP_ARM_SVE,
  KVM_CAP_STEAL_TIME,
  kvm_vcpu_init,
} from '../abi/kvm.ts';
import { ConfigError } from '../base/errors.ts';
import type { VmConfig } from '../config/schema.ts';
import type { Vm } from '../kvm/vm.ts';

type FeatureKey = 'sve' | 'pauth' | 'pmu' | 'mte' | 'stolenTime';

/** The capabilities that a feature needs, all of them. */
const NEEDS: Record<FeatureKey, { readonly what: string; readonly capabilities: readonly number[] }> = {
  sve: { what: 'scalable vectors (SVE)', capabilities: [KVM_CAP_ARM_SVE] },
  pauth: {
    what: 'pointer authentication',
    capabilities: [KVM_CAP_ARM_PTRAUTH_ADDRESS, KVM_CAP_ARM_PTRAUTH_GENERIC],
  },
  pmu: { what: 'performance counters (PMUv3)', capabilities: [KVM_CAP_ARM_PMU_V3] },
  mte: { what: 'memory tagging (MTE)', capabilities: [KVM_CAP_ARM_MTE] },
  stolenTime: { what: 'stolen time', capabilities: [KVM_CAP_STEAL_TIME] },
};

export type CpuFeatures = Readonly<Record<FeatureKey, boolean>>;

/** Settles `auto`; a feature that is `on` and missing is a ConfigError. */
export function chooseFeatures(vm: Pick<Vm, 'checkExtension'>, cpus: Pick<VmConfig['cpus'], FeatureKey>): CpuFeatures {
  const choose = (key: FeatureKey): boolean => {
    const { what, capabilities } = NEEDS[key];
    if (cpus[key] === 'off') return false;
    const has = capabilities.every((capability) => vm.checkExtension(capability) > 0);
    if (!has && cpus[key] === 'on') {
      throw new ConfigError(`Cannot give the guest ${what}: KVM on this host does not have it: set it to auto or off`, {
        keyPath: key === 'stolenTime' ? 'cpus.stolen-time' : `cpus.${key}`,
      });
    }
    return has;
  };
  return {
    sve: choose('sve'),
    pauth: choose('pauth'),
    pmu: choose('pmu'),
    mte: choose('mte'),
    stolenTime: choose('stolenTime'),
  };
}

/** The argument of KVM_ARM_VCPU_INIT: `preferred` (Vm.preferredTarget) with the features set. All but the first vCPU start off. */
export function vcpuInit(preferred: Uint8Array, features: CpuFeatures, index: number): Uint8Array {
  const init = preferred.slice();
  const set = (feature: number) => {
    init[kvm_vcpu_init.fields.features.offset + Math.floor(feature / 8)]! |= 1 << (feature % 8);
  };
  set(KVM_ARM_VCPU_PSCI_0_2);
  if (index > 0) set(KVM_ARM_VCPU_POWER_OFF);
  if (features.sve) set(KVM_ARM_VCPU_SVE);
  if (features.pmu) set(KVM_ARM_VCPU_PMU_V3);
  if (features.pauth) {
    set(KVM_ARM_VCPU_PTRAUTH_ADDRESS);
    set(KVM_ARM_VCPU_PTRAUTH_GENERIC);
  }
  return init;
}
